package plugway

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// relayed is a relay that answers one request with these words, and then echoes.
func relayed(t *testing.T, answer string) <-chan string {
	t.Helper()
	directory, err := os.MkdirTemp("", "pg-")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(directory, "e")
	t.Setenv("PLUGWAY_EGRESS", "unix:"+path)
	asked := make(chan string, 1)
	var listener net.Listener
	ready := make(chan struct{})
	go func() {
		defer close(ready)
		// It is away at first, as while a gateway is started anew.
		time.Sleep(3 * relayPause)
		if listener, err = net.Listen("unix", path); err != nil {
			return
		}
		go func() {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			defer connection.Close()
			request, err := http.ReadRequest(bufio.NewReader(connection))
			if err != nil {
				return
			}
			asked <- request.Method + " " + request.RequestURI
			fmt.Fprint(connection, answer)
			_, _ = io.Copy(connection, connection)
		}()
	}()
	t.Cleanup(func() {
		<-ready
		if listener != nil {
			_ = listener.Close()
		}
		_ = os.RemoveAll(directory)
	})
	return asked
}

func TestTheWayOutIsTheGatewaysRelay(t *testing.T) {
	asked := relayed(t, "HTTP/1.1 200 OK\r\n\r\nearly")
	connection, err := Transport().DialContext(bounded(t), "tcp", "db.example:5432")
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	fmt.Fprint(connection, " echo")
	got := make([]byte, len("early echo"))
	if _, err := io.ReadFull(connection, got); err != nil || string(got) != "early echo" {
		t.Error(string(got), err)
	}
	if got := <-asked; got != "CONNECT db.example:5432" {
		t.Error(got)
	}
}

func TestWhatIsNotGrantedSaysSo(t *testing.T) {
	relayed(t, "HTTP/1.1 403 Forbidden\r\nContent-Length: 11\r\n\r\nnot granted")
	_, err := DialContext(bounded(t), "tcp", "db.example:5432")
	if !errors.Is(err, ErrEgressRefused) || !strings.Contains(err.Error(), "not granted") {
		t.Error(err)
	}
}
