package plugway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	pb "plugway.dev/sdk-go/internal/pluginv1"
)

// The contract's figures: how an answer travels.
const (
	// An answer up to this size goes back in one message, by agreement.
	unaryBytes = 1 << 20
	// What a handler may write, or a client upload, ahead of the other side.
	window = 256 << 10
	// How long an answer may take to end and still go back in one message.
	patience = 2 * time.Millisecond
	// The same where a Content-Length promises that it will end and fit.
	patienceSized = 50 * time.Millisecond
)

// ErrClientGone is what Write returns once nobody reads the answer any more.
var ErrClientGone = errors.New("the client has gone")

var errAnswerBroken = errors.New("the handler failed after its answer had begun")

// httpCall is the http.ResponseWriter of one call, and what of its answer is ready to travel. The handler runs
// beside the reader, so that an answer which goes on is handed over in parts while it is made.
type httpCall struct {
	server  *service
	request *http.Request
	cancel  context.CancelFunc
	began   time.Time
	// Whether a short answer is waited for, to travel in one message with its head.
	whole bool
	ready chan struct{} // closed when what there is should travel

	mu       sync.Mutex
	changed  sync.Cond
	header   http.Header
	status   int
	head     []*pb.HttpHeader
	trailers []*pb.HttpHeader
	declared []string
	promised int64 // Content-Length, or -1
	written  int64
	buffer   []byte
	tail     [2]byte
	timer    *time.Timer

	bodyless, handed, complete, broken, gone, over, delivered, events bool
	// Accepted as a WebSocket: what the handler does is no answer.
	hijacked bool
	panicked bool
}

func newHTTPCall(server *service, whole bool) *httpCall {
	call := &httpCall{
		server: server, whole: whole, header: http.Header{}, ready: make(chan struct{}), promised: -1, began: time.Now(),
	}
	call.changed.L = &call.mu
	return call
}

// The handler's side.

// run is the handler's goroutine; one that panics ends its call and no other.
func (c *httpCall) run() {
	failed := true
	defer func() {
		if reason := recover(); failed && reason != http.ErrAbortHandler {
			slog.ErrorContext(c.request.Context(), "the handler failed",
				"method", c.request.Method, "path", c.request.URL.Path,
				"error", fmt.Sprint(reason), "stack", string(debug.Stack()))
		}
		_ = c.request.Body.Close()
		c.handlerOver(failed)
	}()
	c.server.handler.ServeHTTP(c, c.request)
	failed = false
}

func (c *httpCall) Header() http.Header { return c.header }

func (c *httpCall) WriteHeader(status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.begin(status)
}

func (c *httpCall) Write(data []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.status == 0 {
		if c.header.Get("Content-Type") == "" && c.header.Get("Content-Encoding") == "" && len(data) > 0 {
			c.header.Set("Content-Type", http.DetectContentType(data))
		}
		c.begin(http.StatusOK)
	}
	if c.bodyless {
		if c.request.Method == http.MethodHead {
			return len(data), nil
		}
		return 0, http.ErrBodyNotAllowed
	}
	taken := 0
	for taken < len(data) {
		if c.gone || c.complete || c.hijacked {
			return taken, ErrClientGone
		}
		part := data[taken:min(taken+window, len(data))]
		c.take(part)
		taken += len(part)
		for c.handed && len(c.buffer) >= window && !c.gone {
			c.changed.Wait()
		}
	}
	return taken, nil
}

func (c *httpCall) take(part []byte) {
	c.buffer = append(c.buffer, part...)
	c.written += int64(len(part))
	if len(part) > 1 {
		copy(c.tail[:], part[len(part)-2:])
	} else {
		c.tail = [2]byte{c.tail[1], part[0]}
	}
	if len(c.buffer) >= unaryBytes {
		c.handOver()
	}
	c.changed.Broadcast()
}

// Flush sends what there is at once.
func (c *httpCall) Flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.begin(http.StatusOK)
	c.handOver()
}

func (c *httpCall) begin(status int) {
	if c.status != 0 || c.hijacked || status < 200 {
		return
	}
	c.status = status
	c.bodyless = status == http.StatusNoContent || status == http.StatusNotModified || c.request.Method == http.MethodHead
	c.beforeBase()
	for _, names := range c.header.Values("Trailer") {
		for name := range strings.SplitSeq(names, ",") {
			c.declared = append(c.declared, http.CanonicalHeaderKey(strings.TrimSpace(name)))
		}
	}
	header := c.header.Clone()
	header.Del("Trailer")
	for name := range header {
		if strings.HasPrefix(name, http.TrailerPrefix) {
			delete(header, name)
		}
	}
	c.head = headerMessages(header)
	if length, err := strconv.ParseInt(header.Get("Content-Length"), 10, 64); err == nil {
		c.promised = length
	}
	c.events = strings.HasPrefix(strings.ToLower(header.Get("Content-Type")), "text/event-stream")
	wait := patience
	if c.promised >= 0 && c.promised <= unaryBytes {
		wait = patienceSized
	}
	if c.events || !c.whole {
		c.handOver()
	} else {
		c.timer = time.AfterFunc(wait, func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.handOver()
		})
	}
	if c.events && c.server.calls.isDraining() {
		c.noticed()
	}
}

// beforeBase turns a redirect to a path of the plugin into one that clients can follow.
func (c *httpCall) beforeBase() {
	in, _ := c.request.Context().Value(contextKey{}).(*inCall)
	base := in.message.GetBasePath()
	to := c.header.Get("Location")
	if base != "" && strings.HasPrefix(to, "/") && !strings.HasPrefix(to, "//") && !strings.HasPrefix(to+"/", base+"/") {
		c.header.Set("Location", base+to)
	}
}

func (c *httpCall) handOver() {
	if c.timer != nil {
		c.timer.Stop()
	}
	if !c.handed {
		c.handed = true
		close(c.ready)
	}
}

func (c *httpCall) handlerOver(failed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over, c.panicked = true, failed
	switch {
	case c.gone || c.complete || c.hijacked:
	case failed && !c.handed:
		c.fail()
	case failed:
		c.broken = true
	default:
		c.begin(http.StatusOK)
		c.collectTrailers()
		c.broken = !c.bodyless && c.promised > c.written
		c.complete = !c.broken
	}
	if !c.hijacked {
		c.handOver()
	}
	c.changed.Broadcast()
	if !c.events && !c.hijacked {
		c.server.stats.observe(c.status, time.Since(c.began))
	}
	c.leaveIfDone()
}

// fail answers in the handler's stead. The reason is in the log only: it may hold anything.
func (c *httpCall) fail() {
	header, body := internalError(c.request.Context())
	c.status, c.head, c.buffer, c.trailers = http.StatusInternalServerError, headerMessages(header), body, nil
	c.complete, c.events = true, false
}

func (c *httpCall) collectTrailers() {
	found := http.Header{}
	for _, name := range c.declared {
		if values := c.header.Values(name); len(values) > 0 {
			found[name] = values
		}
	}
	for name, values := range c.header {
		if after, is := strings.CutPrefix(name, http.TrailerPrefix); is {
			found[after] = values
		}
	}
	if len(found) > 0 {
		c.trailers = headerMessages(found)
	}
}

// hijack lets the call go on as a WebSocket.
func (c *httpCall) hijack() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone || c.status != 0 || c.hijacked {
		return errors.New("the call is answered already, or its client has gone")
	}
	c.hijacked, c.delivered = true, true
	return nil
}

// refuse answers in the handler's stead where it has not begun to; false where it is a WebSocket already.
func (c *httpCall) refuse(status int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.status == 0 && !c.gone && !c.hijacked {
		// Not by begin: the handler may be at work on the header.
		c.status, c.complete = status, true
		c.cancel()
		c.handOver()
		c.changed.Broadcast()
	}
	return !c.hijacked
}

func (c *httpCall) outcome() (hijacked, panicked bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hijacked, c.panicked
}
