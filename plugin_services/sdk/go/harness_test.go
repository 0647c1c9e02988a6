package plugway

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	pb "plugway.dev/sdk-go/internal/pluginv1"
)

// patience is for machines under load; nothing waits for it where all is well.
const testPatience = 30 * time.Second

// plugged is a plugin behind a real socket, and a client that speaks the real contract.
type plugged struct {
	pb.PluginServiceClient
	service    *service
	log        *lockedBuffer
	connection *grpc.ClientConn
}

type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func plug(t *testing.T, handler http.HandlerFunc) *plugged {
	t.Helper()
	return plugAll(t, &Plugin{ID: "tried", Version: "1.0.0", Handler: handler})
}

func plugAll(t *testing.T, plugin *Plugin) *plugged {
	t.Helper()
	secrets, lines := &mask{}, &lockedBuffer{}
	before := slog.Default()
	slog.SetDefault(slog.New(newLogHandler(lines, "debug", "tried", secrets)))
	t.Cleanup(func() { slog.SetDefault(before) })
	service, err := newService(plugin, "tried.1", secrets, slog.Default())
	if err != nil {
		t.Fatal(err)
	}
	// Not t.TempDir: the path of a socket has to be short.
	directory, err := os.MkdirTemp("", "pg-")
	if err != nil {
		t.Fatal(err)
	}
	listener, secure, err := listen("unix:"+filepath.Join(directory, "s"), "")
	if err != nil {
		t.Fatal(err)
	}
	server := newServer(service, secure)
	go func() { _ = server.Serve(listener) }()
	client, err := grpc.NewClient("passthrough:///"+listener.Addr().String(),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, path string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = client.Close()
		server.Stop()
		_ = os.RemoveAll(directory)
	})
	return &plugged{pb.NewPluginServiceClient(client), service, lines, client}
}

func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), testPatience)
	t.Cleanup(cancel)
	return ctx
}

func head(method, path string) *pb.HttpRequest {
	return &pb.HttpRequest{Method: method, Path: []byte(path), Context: &pb.CallContext{
		RequestId: "r-1", User: "ann", Role: "admin", BasePath: "/plugins/tried/api",
	}}
}

func (p *plugged) get(t *testing.T, path string) *pb.HandleResponse {
	t.Helper()
	answer, err := p.Handle(bounded(t), &pb.HandleRequest{Request: head("GET", path)})
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// rest reads a whole continuation.
func (p *plugged) rest(t *testing.T, continuation string) ([]byte, error) {
	t.Helper()
	stream, err := p.ReadBody(bounded(t), &pb.ReadBodyRequest{Continuation: continuation})
	if err != nil {
		t.Fatal(err)
	}
	var whole []byte
	for {
		part, err := stream.Recv()
		if err == io.EOF {
			return whole, nil
		}
		if err != nil {
			return whole, err
		}
		whole = append(whole, part.GetChunk()...)
	}
}

func header(headers []*pb.HttpHeader, name string) string {
	for _, one := range headers {
		if string(one.GetName()) == name {
			return string(one.GetValue())
		}
	}
	return ""
}

func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(testPatience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("still waiting for " + what)
		}
	}
}
