package plugway

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	pb "plugway.dev/sdk-go/internal/pluginv1"
)

// How long an answered upload is still read, so that the client sees the answer's end before the stream's.
const linger = 2 * time.Second

type exchangeStream = grpc.BidiStreamingServer[pb.ExchangeRequest, pb.ExchangeResponse]

var errUploadBroken = errors.New("the upload broke off")

// Exchange serves one HTTP call or one WebSocket, frame by frame in both directions.
func (s *service) Exchange(stream exchangeStream) error {
	if s.calls.isDraining() {
		stream.SetTrailer(refusal)
		return errDraining
	}
	// The gateway may hold an upload back until it knows that it was not refused.
	if err := stream.SendHeader(metadata.MD{}); err != nil {
		return err
	}
	first, err := stream.Recv()
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	head, opening := first.GetHttpStart(), first.GetWebsocketStart()
	switch {
	case head == nil && opening == nil:
		return status.Error(codes.InvalidArgument, "the first frame must be a start")
	case s.keeper.missing():
		header, body := notConfigured()
		if err := sendHead(stream, http.StatusServiceUnavailable, headerMessages(header)); err != nil {
			return err
		}
		return sendBody(stream, &pb.BodyChunk{Data: body, End: true})
	case head != nil:
		return s.exchangeHTTP(stream, head)
	default:
		return s.exchangeSocket(stream, opening)
	}
}

func (s *service) exchangeHTTP(stream exchangeStream, head *pb.HttpRequest) error {
	body := newUploadBody()
	call := newHTTPCall(s, false)
	if err := s.open(call, head, body, -1, nil); err != nil {
		return status.Error(codes.InvalidArgument, err.Error())
	}
	if !s.calls.enter(call) {
		call.cancel()
		stream.SetTrailer(refusal)
		return errDraining
	}
	defer context.AfterFunc(stream.Context(), call.leave)()
	go call.run()
	reading := make(chan error, 1)
	go func() {
		err := upload(stream, body)
		reading <- err
		if err != nil {
			body.finish(io.ErrUnexpectedEOF)
			call.leave()
		}
	}()
	err := answerExchange(stream, call)
	call.finish()
	_ = body.Close()
	return lingered(reading, err)
}

// upload feeds the body until its last part; an error says why there is none.
func upload(stream exchangeStream, body *uploadBody) error {
	for {
		frame, err := stream.Recv()
		if err != nil {
			return status.Error(codes.Canceled, errUploadBroken.Error())
		}
		part := frame.GetBody()
		if part == nil {
			return status.Error(codes.InvalidArgument, "after its start an HTTP call takes only body frames")
		}
		body.feed(part.GetData())
		if part.GetEnd() {
			body.finish(io.EOF)
			return nil
		}
	}
}

// lingered waits for what the client still sends: ended while it writes, a stream would fail its call before
// the answer is read. Where reading has failed, that is how the stream ends.
func lingered(reading <-chan error, answered error) error {
	if answered != nil {
		select {
		case err := <-reading:
			if err != nil {
				return err
			}
		default:
		}
		return answered
	}
	select {
	case err := <-reading:
		if status.Code(err) == codes.InvalidArgument {
			return err
		}
	case <-time.After(linger):
	}
	return nil
}

func answerExchange(stream exchangeStream, call *httpCall) error {
	<-call.ready
	call.mu.Lock()
	code, head, why := call.status, call.head, call.ended()
	call.mu.Unlock()
	if code == 0 {
		return streamError(why)
	}
	if err := sendHead(stream, code, head); err != nil {
		return err
	}
	for {
		data, end, err := call.next(window)
		if err != nil {
			return streamError(err)
		}
		chunk := &pb.BodyChunk{Data: data, End: end}
		if end {
			chunk.Trailers = call.trailers
		}
		if err := sendBody(stream, chunk); err != nil {
			return err
		}
		if end {
			return nil
		}
	}
}

func sendHead(stream exchangeStream, code int, headers []*pb.HttpHeader) error {
	head := &pb.HttpResponse{Status: uint32(code), Headers: headers}
	return stream.Send(&pb.ExchangeResponse{Frame: &pb.ExchangeResponse_HttpStart{HttpStart: head}})
}

func sendBody(stream exchangeStream, chunk *pb.BodyChunk) error {
	return stream.Send(&pb.ExchangeResponse{Frame: &pb.ExchangeResponse_Body{Body: chunk}})
}
