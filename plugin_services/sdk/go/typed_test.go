package plugway

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	typed "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "plugway.dev/sdk-go/internal/pluginv1"
)

// tried is a service of an author's.
type tried struct {
	typed.UnimplementedTestServiceServer
	call  func(ctx context.Context) error
	begun chan struct{}
}

func (s *tried) EmptyCall(ctx context.Context, in *typed.Empty) (*typed.Empty, error) {
	return in, s.call(ctx)
}

func (s *tried) StreamingOutputCall(
	_ *typed.StreamingOutputCallRequest, stream typed.TestService_StreamingOutputCallServer,
) error {
	close(s.begun)
	<-stream.Context().Done()
	return stream.Context().Err()
}

func TestTypedServicesAreGuardedAsCallsAre(t *testing.T) {
	var fault error
	var who Call
	own := &tried{begun: make(chan struct{}), call: func(ctx context.Context) error {
		who, _ = Current(ctx)
		if fault != nil && fault.Error() == "panic" {
			panic("hunter22")
		}
		return fault
	}}
	p := plugAll(t, &Plugin{ID: "tried", Version: "1.0.0",
		Services: func(to grpc.ServiceRegistrar) { typed.RegisterTestServiceServer(to, own) }})
	described, err := p.Describe(bounded(t), &pb.DescribeRequest{ContractVersions: []uint32{1}})
	if err != nil || strings.Join(described.GetManifest().GetServices(), " ") != "grpc.testing.TestService" {
		t.Fatal(described, err)
	}
	if got := p.get(t, "/").GetResponse().GetStatus(); got != http.StatusNotFound {
		t.Error("without a handler:", got)
	}
	client := typed.NewTestServiceClient(p.connection)
	message, _ := proto.Marshal(&pb.CallContext{User: "ann", RequestId: "r-7"})
	ctx := metadata.AppendToOutgoingContext(bounded(t), contextMetadata, string(message))
	if _, err := client.EmptyCall(ctx, &typed.Empty{}); err != nil || who.User != "ann" {
		t.Error(err, who)
	}
	for want, given := range map[codes.Code]error{
		codes.NotFound: status.Error(codes.NotFound, "no such thing"),
		codes.Internal: errors.New("hunter22"),
	} {
		fault = given
		if _, err := client.EmptyCall(ctx, &typed.Empty{}); status.Code(err) != want || strings.Contains(err.Error(), "hunter22") {
			t.Error(want, err)
		}
	}
	fault = errors.New("panic")
	if _, err := client.EmptyCall(ctx, &typed.Empty{}); status.Code(err) != codes.Internal || strings.Contains(err.Error(), "hunter22") {
		t.Error(err)
	}
	if !strings.Contains(p.log.String(), `"request_id":"r-7"`) {
		t.Error("the log lacks the call")
	}
	stream, err := client.StreamingOutputCall(ctx, &typed.StreamingOutputCallRequest{})
	if err != nil {
		t.Fatal(err)
	}
	<-own.begun
	drained, err := p.Drain(bounded(t), &pb.DrainRequest{StreamDeadline: durationpb.New(10 * time.Millisecond)})
	if err != nil || drained.GetCut() != 1 {
		t.Error(drained, err)
	}
	if _, err := stream.Recv(); status.Code(err) != codes.Canceled {
		t.Error(err)
	}
	var trailer metadata.MD
	_, err = client.EmptyCall(ctx, &typed.Empty{}, grpc.Trailer(&trailer))
	if status.Code(err) != codes.Unavailable || len(trailer.Get("plugway-refused")) != 1 {
		t.Error(err, trailer)
	}
}
