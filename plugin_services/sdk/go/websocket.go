package plugway

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	pb "plugway.dev/sdk-go/internal/pluginv1"
)

const (
	largestMessage = 16 << 20
	messagePiece   = 1 << 20
	messageQueue   = 16

	// How long what is still to be sent is waited for, where something ends.
	lastWords = 200 * time.Millisecond

	closeNormal         = 1000
	closeAbnormal       = 1006
	closeInvalidText    = 1007
	closeTooBig         = 1009
	closeInternal       = 1011
	closeServiceRestart = 1012
)

// Message is one whole message of a WebSocket.
type Message struct {
	Data []byte
	Text bool
}

// Closed is what Read and Write return once a WebSocket has ended; the codes are those of RFC 6455.
type Closed struct {
	Code   int
	Reason string
}

func (c *Closed) Error() string {
	return fmt.Sprintf("the WebSocket is closed: %d %s", c.Code, c.Reason)
}

// WebSocket is one that the handler has accepted. Reads belong to one goroutine, writes may come from any.
// When the handler returns, it is closed. The gateway answers pings.
type WebSocket struct {
	stream   exchangeStream
	call     *httpCall
	offered  []string
	accepted chan struct{}
	inbox    chan Message

	writing sync.Mutex // one message at a time
	sending sync.Mutex // one frame at a time; held while the other side is slow
	mu      sync.Mutex
	room    sync.Cond // with mu: waiting has become less, or it has ended
	waiting int       // bytes in the inbox
	closed  *Closed
	done    chan struct{}
}

// IsWebSocket says whether the request asks for one.
func IsWebSocket(r *http.Request) bool {
	in, _ := r.Context().Value(contextKey{}).(*inCall)
	return in != nil && in.socket != nil
}

// AcceptWebSocket agrees to the WebSocket that the request asks for. Of the subprotocols, most wanted first, the
// first that the client offered too is chosen. w's headers go with the acceptance. A handler that answers
// instead refuses. Without a WebSocket asked for it answers 426, and the error says so.
func AcceptWebSocket(w http.ResponseWriter, r *http.Request, subprotocols ...string) (*WebSocket, error) {
	if !IsWebSocket(r) {
		http.Error(w, "this is a WebSocket", http.StatusUpgradeRequired)
		return nil, errors.New("no WebSocket was asked for")
	}
	in, _ := r.Context().Value(contextKey{}).(*inCall)
	s := in.socket
	chosen := ""
	for _, one := range subprotocols {
		if slices.Contains(s.offered, one) {
			chosen = one
			break
		}
	}
	s.sending.Lock()
	defer s.sending.Unlock()
	if err := s.call.hijack(); err != nil {
		return nil, err
	}
	close(s.accepted)
	accept := &pb.WebSocketAccept{Subprotocol: chosen, Headers: headerMessages(w.Header())}
	frame := &pb.ExchangeResponse{Frame: &pb.ExchangeResponse_WebsocketAccept{WebsocketAccept: accept}}
	if err := s.stream.Send(frame); err != nil {
		return nil, err
	}
	return s, nil
}

// Read waits for the next message. Its error is a *Closed.
func (s *WebSocket) Read() (Message, error) {
	select {
	case message := <-s.inbox:
		return s.took(message), nil
	default:
	}
	select {
	case message := <-s.inbox:
		return s.took(message), nil
	case <-s.done:
		return Message{}, s.why()
	}
}

func (s *WebSocket) took(message Message) Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting -= len(message.Data)
	s.room.Broadcast()
	return message
}

// put waits while the handler is behind; false where the WebSocket has ended.
func (s *WebSocket) put(message Message) bool {
	s.mu.Lock()
	for s.waiting >= messagePiece && s.closed == nil {
		s.room.Wait()
	}
	s.waiting += len(message.Data)
	s.mu.Unlock()
	select {
	case s.inbox <- message:
		return true
	case <-s.done:
		return false
	}
}

// Write sends one message, as fast as the client reads. Text has to be UTF-8.
func (s *WebSocket) Write(message Message) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	data := message.Data
	for {
		piece := data[:min(messagePiece, len(data))]
		data = data[len(piece):]
		part := &pb.WebSocketMessage{Data: piece, Text: message.Text, More: len(data) > 0}
		frame := &pb.ExchangeResponse{Frame: &pb.ExchangeResponse_WebsocketMessage{WebsocketMessage: part}}
		if err := s.send(frame); err != nil {
			return err
		}
		if len(data) == 0 {
			return nil
		}
	}
}

// WriteText sends one text message.
func (s *WebSocket) WriteText(text string) error {
	return s.Write(Message{Data: []byte(text), Text: true})
}

// Close ends it; of the reason at most 123 bytes travel.
func (s *WebSocket) Close(code int, reason string) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	if !s.end(&Closed{code, reason}) {
		return s.why()
	}
	last := &pb.WebSocketClose{Code: uint32(code), Reason: shortened(reason)}
	return s.stream.Send(&pb.ExchangeResponse{Frame: &pb.ExchangeResponse_WebsocketClose{WebsocketClose: last}})
}

func shortened(reason string) string {
	return strings.ToValidUTF8(reason[:min(123, len(reason))], "")
}

func (s *WebSocket) send(frame *pb.ExchangeResponse) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	if closed := s.why(); closed != nil {
		return closed
	}
	if err := s.stream.Send(frame); err != nil {
		s.end(&Closed{closeAbnormal, "the client has gone"})
		return s.why()
	}
	return nil
}

// why is nil while it is open.
func (s *WebSocket) why() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed == nil {
		return nil
	}
	return s.closed
}

// end is true for the one who ended it.
func (s *WebSocket) end(closed *Closed) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed != nil {
		return false
	}
	s.closed = closed
	close(s.done)
	s.room.Broadcast()
	s.call.cancel()
	return true
}
