package plugway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "plugway.dev/sdk-go/internal/pluginv1"
)

// The call of it, as others see it.

func (s *WebSocket) isStream() bool { return true }

func (s *WebSocket) giveNotice() {
	if s.call.refuse(http.StatusServiceUnavailable) {
		return
	}
	// In a goroutine, as a client that does not read holds up the sending.
	go func() { _ = s.Close(closeServiceRestart, "the plugin restarts; connect again") }()
}

func (s *WebSocket) cut() {
	s.end(&Closed{closeServiceRestart, "the plugin restarts; connect again"})
	s.call.leave()
}

func (s *WebSocket) run() {
	s.call.run()
	if hijacked, panicked := s.call.outcome(); hijacked {
		code, reason := closeNormal, ""
		if panicked {
			code, reason = closeInternal, "the plugin failed"
		}
		_ = s.Close(code, reason)
	}
	s.call.server.calls.leave(s)
}

func (s *service) exchangeSocket(stream exchangeStream, opening *pb.WebSocketOpen) error {
	call := newHTTPCall(s, false)
	socket := &WebSocket{
		stream: stream, call: call, offered: opening.GetSubprotocols(), accepted: make(chan struct{}),
		inbox: make(chan Message, messageQueue), done: make(chan struct{}),
	}
	socket.room.L = &socket.mu
	if err := s.open(call, opening.GetRequest(), http.NoBody, 0, socket); err != nil {
		return status.Error(codes.InvalidArgument, err.Error())
	}
	if !s.calls.enter(socket) {
		call.cancel()
		stream.SetTrailer(refusal)
		return errDraining
	}
	defer context.AfterFunc(stream.Context(), func() {
		socket.end(&Closed{closeAbnormal, "the client has gone"})
		call.leave()
	})()
	go socket.run()
	reading := make(chan error, 1)
	go func() {
		err := socket.receive()
		reading <- err
		socket.end(&Closed{closeAbnormal, "the client has gone"})
		if err != nil {
			call.leave()
		}
	}()
	select {
	case <-call.ready:
		// It answered, or the client left: both are for the answer to tell.
		err := answerExchange(stream, call)
		call.finish()
		return lingered(reading, err)
	case <-socket.accepted:
		<-socket.done
		socket.flush()
		return lingered(reading, nil)
	}
}

// flush waits a moment for whoever is sending a last frame; a client that does not read may hold them up.
func (s *WebSocket) flush() {
	sent := make(chan struct{})
	go func() {
		s.sending.Lock()
		defer s.sending.Unlock()
		close(sent)
	}()
	select {
	case <-sent:
	case <-time.After(lastWords):
	}
}

// receive takes what the client sends until its end, which is nil where it came in good order.
func (s *WebSocket) receive() error {
	var partial []byte
	for {
		frame, err := s.stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if last := frame.GetWebsocketClose(); last != nil {
			code := int(last.GetCode())
			if code == 0 {
				code = 1005 // none was given
			}
			s.end(&Closed{code, last.GetReason()})
			return nil
		}
		part := frame.GetWebsocketMessage()
		if part == nil {
			return status.Error(codes.InvalidArgument, "a WebSocket takes only messages and a close after its start")
		}
		if len(partial)+len(part.GetData()) > largestMessage {
			_ = s.Close(closeTooBig, fmt.Sprintf("messages may have %d bytes", largestMessage))
			return nil
		}
		partial = append(partial, part.GetData()...)
		if part.GetMore() {
			continue
		}
		if part.GetText() && !utf8.Valid(partial) {
			_ = s.Close(closeInvalidText, "a text has to be UTF-8")
			return nil
		}
		if !s.put(Message{Data: partial, Text: part.GetText()}) {
			return nil
		}
		partial = nil
	}
}
