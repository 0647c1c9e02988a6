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

// relayed has the relay answer each connection with these words, after its request.
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
	asked := relayed(t, "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nthere")
	client := &http.Client{Transport: Transport(), Timeout: testPatience}
	answer, err := client.Get("http://db.example:8080/x")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if got := <-asked; string(body) != "there" || err != nil || got != "CONNECT db.example:8080" {
		t.Error(string(body), err, got)
	}
}

func TestWhatIsNotGrantedSaysSo(t *testing.T) {
	relayed(t, "HTTP/1.1 403 Forbidden\r\nContent-Length: 11\r\n\r\nnot granted")
	_, err := DialContext(bounded(t), "tcp", "db.example:5432")
	if !errors.Is(err, ErrEgressRefused) || !strings.Contains(err.Error(), "not granted") {
		t.Error(err)
	}
}
