package plugway

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

const (
	// The relay itself gives up a destination after 10 seconds.
	connectTimeout = 15 * time.Second
	// How long a relay that is not there is waited for: a gateway that starts anew makes it anew.
	relayAway  = 2 * time.Second
	relayPause = 100 * time.Millisecond
	relayWords = 4096
)

// ErrEgressRefused is what DialContext's error is where the plugin was not granted the destination.
var ErrEgressRefused = errors.New("not granted")

// relayError is the relay's answer, with its own words.
type relayError struct {
	status int
	words  string
}

func (e *relayError) Error() string   { return e.words }
func (e *relayError) Timeout() bool   { return e.status == http.StatusGatewayTimeout }
func (e *relayError) Temporary() bool { return e.status != http.StatusForbidden }
func (e *relayError) Is(target error) bool {
	return target == ErrEgressRefused && e.status == http.StatusForbidden
}

// DialContext connects to what permissions.egress names, by the gateway's relay where there is one, and
// directly on an author's machine. Names are resolved by the gateway; TLS is yours.
func DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	relay, relayed := strings.CutPrefix(os.Getenv("PLUGWAY_EGRESS"), "unix:")
	if !relayed {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	if !strings.HasPrefix(network, "tcp") {
		return nil, fmt.Errorf("the gateway's relay carries tcp, not %s", network)
	}
	connection, err := dialRelay(ctx, relay)
	if err != nil {
		return nil, fmt.Errorf("the gateway's relay: %w", err)
	}
	// A context that ends while the relay is asked ends the asking.
	stop := context.AfterFunc(ctx, func() { _ = connection.SetDeadline(time.Unix(1, 0)) })
	tunnel, err := askRelay(connection, address)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = connection.Close()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, fmt.Errorf("to %s: %w", address, err)
	}
	return tunnel, nil
}

// Transport is for HTTP clients: as the default one, by DialContext.
func Transport() *http.Transport {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	transport.DialContext = DialContext
	return transport
}

func dialRelay(ctx context.Context, path string) (net.Conn, error) {
	until := time.Now().Add(relayAway)
	for {
		connection, err := new(net.Dialer).DialContext(ctx, "unix", path)
		if err == nil || time.Now().After(until) {
			return connection, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(relayPause):
		}
	}
}

func askRelay(connection net.Conn, address string) (net.Conn, error) {
	if strings.ContainsAny(address, " \r\n\t") {
		return nil, errors.New("not an address")
	}
	if _, err := fmt.Fprintf(connection, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", address, address); err != nil {
		return nil, err
	}
	reader := bufio.NewReader(connection)
	answer, err := http.ReadResponse(reader, &http.Request{Method: http.MethodConnect})
	if err != nil {
		return nil, fmt.Errorf("the gateway's relay broke off: %w", err)
	}
	if answer.StatusCode == http.StatusOK {
		// The destination may have spoken already.
		return &tunnelled{connection, reader}, nil
	}
	words, _ := io.ReadAll(io.LimitReader(answer.Body, relayWords))
	_ = answer.Body.Close()
	said := strings.TrimSpace(string(words))
	if said == "" {
		said = "the relay answers " + answer.Status
	}
	return nil, &relayError{answer.StatusCode, said}
}

// tunnelled reads first what came with the relay's answer.
type tunnelled struct {
	net.Conn
	reader *bufio.Reader
}

func (t *tunnelled) Read(into []byte) (int, error) { return t.reader.Read(into) }

// CloseWrite says that no more is sent.
func (t *tunnelled) CloseWrite() error {
	if half, can := t.Conn.(interface{ CloseWrite() error }); can {
		return half.CloseWrite()
	}
	return nil
}
