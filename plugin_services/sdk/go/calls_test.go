package plugway

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "plugway.dev/sdk-go/internal/pluginv1"
)

func TestAnAnswerTravelsWholeWithItsTrailers(t *testing.T) {
	p := plug(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Add("X-Two", "a")
		w.Header().Add("X-Two", "b")
		w.Header().Set(http.TrailerPrefix+"X-Sum", "7")
		fmt.Fprintf(w, "%s %s?%s %s", r.Method, r.URL.EscapedPath(), r.URL.RawQuery, body)
	})
	in := head("PUT", "/a%2Fb")
	in.Query = []byte("q=%zz")
	answer, err := p.Handle(bounded(t), &pb.HandleRequest{Request: in, Body: []byte("body")})
	if err != nil || answer.GetContinuation() != "" {
		t.Fatal(err, answer)
	}
	if got := string(answer.GetBody()); got != "PUT /a%2Fb?q=%zz body" {
		t.Error(got)
	}
	if header(answer.GetTrailers(), "x-sum") != "7" || header(answer.GetResponse().GetHeaders(), "trailer:x-sum") != "" {
		t.Error(answer)
	}
	if got := fmt.Sprint(answer.GetResponse().GetHeaders()); strings.Count(got, "x-two") != 2 {
		t.Error(got)
	}
}

func TestARedirectStaysBelowWhereClientsSeeThePlugin(t *testing.T) {
	p := plug(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/there", http.StatusSeeOther) })
	if got := header(p.get(t, "/here").GetResponse().GetHeaders(), "location"); got != "/plugins/tried/api/there" {
		t.Error(got)
	}
}

func TestALongAnswerWaitsForItsReader(t *testing.T) {
	var written atomic.Int64
	const size, step = 64 << 20, 64 << 10
	p := plug(t, func(w http.ResponseWriter, r *http.Request) {
		for part := make([]byte, step); written.Load() < size; written.Add(step) {
			if _, err := w.Write(part); err != nil {
				return
			}
		}
	})
	answer := p.get(t, "/")
	if answer.GetContinuation() == "" {
		t.Fatal("it came in one message")
	}
	// How much came with the head depends on what the handler made in the time given to short answers.
	ahead := func() int64 { return written.Load() - int64(len(answer.GetBody())) }
	// The write that waits is not counted.
	until(t, "a full window", func() bool { return ahead() >= window-step })
	time.Sleep(50 * time.Millisecond)
	if ahead() > window {
		t.Errorf("%d bytes ahead of a reader that has not come", ahead())
	}
	whole, err := p.rest(t, answer.GetContinuation())
	if err != nil || len(whole)+len(answer.GetBody()) != size {
		t.Error(err, len(whole))
	}
}

func TestAnUploadIsReadOnlyAsFastAsItIsStored(t *testing.T) {
	read := make(chan struct{})
	p := plug(t, func(w http.ResponseWriter, r *http.Request) {
		<-read
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n, err)
	})
	stream, err := p.Exchange(bounded(t))
	if err != nil {
		t.Fatal(err)
	}
	var sent atomic.Int64
	const size = 32 << 20
	go func() {
		_ = stream.Send(&pb.ExchangeRequest{Frame: &pb.ExchangeRequest_HttpStart{HttpStart: head("POST", "/")}})
		for part := make([]byte, 64<<10); sent.Load() < size; sent.Add(int64(len(part))) {
			chunk := &pb.BodyChunk{Data: part, End: sent.Load()+int64(len(part)) == size}
			if stream.Send(&pb.ExchangeRequest{Frame: &pb.ExchangeRequest_Body{Body: chunk}}) != nil {
				return
			}
		}
	}()
	until(t, "the first part", func() bool { return sent.Load() >= window })
	time.Sleep(50 * time.Millisecond)
	if ahead := sent.Load(); ahead > 4<<20 {
		t.Errorf("%d bytes taken of a handler that reads none", ahead)
	}
	close(read)
	var answer []byte
	for {
		frame, err := stream.Recv()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		answer = append(answer, frame.GetBody().GetData()...)
	}
	if string(answer) != fmt.Sprint(size, " <nil>") {
		t.Errorf("%s", answer)
	}
}

func TestAnUploadThatBreaksOffIsToldToTheHandler(t *testing.T) {
	seen := make(chan error, 1)
	p := plug(t, func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
		seen <- err
	})
	stream, err := p.Exchange(bounded(t))
	if err != nil {
		t.Fatal(err)
	}
	_ = stream.Send(&pb.ExchangeRequest{Frame: &pb.ExchangeRequest_HttpStart{HttpStart: head("POST", "/")}})
	_ = stream.CloseSend()
	if err := <-seen; err != io.ErrUnexpectedEOF {
		t.Error(err)
	}
}

func TestAHandlerThatFailsEndsItsCallAlone(t *testing.T) {
	p := plug(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/later" {
			w.WriteHeader(http.StatusOK)
			w.(http.Flusher).Flush()
		}
		panic("the reason is hunter22")
	})
	early := p.get(t, "/early")
	if early.GetResponse().GetStatus() != 500 || bytes.Contains(early.GetBody(), []byte("hunter22")) ||
		!bytes.Contains(early.GetBody(), []byte("r-1")) {
		t.Error(early)
	}
	answer, err := p.Handle(bounded(t), &pb.HandleRequest{Request: head("GET", "/later")})
	if err == nil {
		_, err = p.rest(t, answer.GetContinuation())
	}
	if status.Code(err) != codes.Internal {
		t.Error(err)
	}
	if !strings.Contains(p.log.String(), "hunter22") {
		t.Error("the log lacks the reason")
	}
}

func TestAnAnswerShorterThanItPromisedBreaksOff(t *testing.T) {
	p := plug(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		fmt.Fprint(w, "half")
	})
	answer, err := p.Handle(bounded(t), &pb.HandleRequest{Request: head("GET", "/")})
	if err == nil && answer.GetContinuation() != "" {
		_, err = p.rest(t, answer.GetContinuation())
	}
	if status.Code(err) != codes.Internal {
		t.Error(answer, err)
	}
}

func TestWhatNobodyReadsIsGivenUp(t *testing.T) {
	ended := make(chan struct{})
	p := plug(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.WriteHeader(http.StatusOK)
		<-r.Context().Done()
		close(ended)
	})
	answer := p.get(t, "/")
	stream, err := p.ReadBody(bounded(t), &pb.ReadBodyRequest{Continuation: answer.GetContinuation(), Discard: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != io.EOF {
		t.Error(err)
	}
	<-ended
	until(t, "the call to leave", func() bool { return p.service.calls.count() == 0 })
}

func openSocket(t *testing.T, p *plugged, subprotocols ...string) pb.PluginService_ExchangeClient {
	t.Helper()
	stream, err := p.Exchange(bounded(t))
	if err != nil {
		t.Fatal(err)
	}
	opening := &pb.WebSocketOpen{Request: head("GET", "/"), Subprotocols: subprotocols}
	if err := stream.Send(&pb.ExchangeRequest{Frame: &pb.ExchangeRequest_WebsocketStart{WebsocketStart: opening}}); err != nil {
		t.Fatal(err)
	}
	return stream
}

func TestLongMessagesOfSeveralWritersStayWhole(t *testing.T) {
	const writers, size = 4, 3 << 20
	p := plug(t, func(w http.ResponseWriter, r *http.Request) {
		socket, err := AcceptWebSocket(w, r, "second", "first")
		if err != nil {
			return
		}
		done := make(chan error)
		for n := range writers {
			go func() { done <- socket.Write(Message{Data: bytes.Repeat([]byte{byte('a' + n)}, size)}) }()
		}
		for range writers {
			if err := <-done; err != nil {
				panic(err)
			}
		}
		panic("and now it fails")
	})
	stream := openSocket(t, p, "first", "second")
	var whole []byte
	for count := 0; ; {
		frame, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		if accept := frame.GetWebsocketAccept(); accept != nil && accept.GetSubprotocol() != "second" {
			t.Error(accept)
		}
		if part := frame.GetWebsocketMessage(); part != nil {
			whole = append(whole, part.GetData()...)
			if !part.GetMore() {
				if len(whole) != size || bytes.Count(whole, whole[:1]) != size {
					t.Fatal("messages are mixed")
				}
				whole, count = nil, count+1
			}
		}
		if last := frame.GetWebsocketClose(); last != nil {
			if last.GetCode() != closeInternal || count != writers {
				t.Error(last, count)
			}
			return
		}
	}
}

func TestASocketThatTheClientLeavesEndsItsHandler(t *testing.T) {
	ended := make(chan error, 1)
	p := plug(t, func(w http.ResponseWriter, r *http.Request) {
		socket, err := AcceptWebSocket(w, r)
		for err == nil {
			_, err = socket.Read()
		}
		<-r.Context().Done()
		ended <- err
	})
	stream := openSocket(t, p)
	last := &pb.WebSocketClose{Code: 4000, Reason: "enough"}
	if err := stream.Send(&pb.ExchangeRequest{Frame: &pb.ExchangeRequest_WebsocketClose{WebsocketClose: last}}); err != nil {
		t.Fatal(err)
	}
	closed, is := (<-ended).(*Closed)
	if !is || closed.Code != 4000 || closed.Reason != "enough" {
		t.Error(closed)
	}
	until(t, "the call to leave", func() bool { return p.service.calls.count() == 0 })
}

func TestASocketIsReadOnlyAsFastAsItsHandlerReads(t *testing.T) {
	const messages, size = 64, 1 << 20
	read, counted := make(chan struct{}), make(chan int, 1)
	p := plug(t, func(w http.ResponseWriter, r *http.Request) {
		socket, err := AcceptWebSocket(w, r)
		if err != nil {
			return
		}
		<-read
		for count := 0; ; count++ {
			if message, err := socket.Read(); err != nil || len(message.Data) != size {
				counted <- count
				return
			}
		}
	})
	stream := openSocket(t, p)
	var sent atomic.Int64
	go func() {
		message := &pb.WebSocketMessage{Data: make([]byte, size)}
		for sent.Load() < messages && stream.Send(&pb.ExchangeRequest{Frame: &pb.ExchangeRequest_WebsocketMessage{WebsocketMessage: message}}) == nil {
			sent.Add(1)
		}
		last := &pb.ExchangeRequest_WebsocketClose{WebsocketClose: &pb.WebSocketClose{Code: closeNormal}}
		_ = stream.Send(&pb.ExchangeRequest{Frame: last})
	}()
	until(t, "the first message", func() bool { return sent.Load() >= 1 })
	time.Sleep(50 * time.Millisecond)
	if ahead := sent.Load(); ahead > 8 {
		t.Errorf("%d MiB taken of a handler that reads none", ahead)
	}
	close(read)
	if count := <-counted; count != messages {
		t.Error(count)
	}
}
