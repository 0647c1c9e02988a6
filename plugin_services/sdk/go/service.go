package plugway

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	pb "plugway.dev/sdk-go/internal/pluginv1"
)

// service is the contract over one plugin.
type service struct {
	pb.UnimplementedPluginServiceServer
	plugin     *Plugin
	handler    http.Handler
	instance   string
	described  *pb.Manifest
	calls      *calls
	stats      *callStats
	keys       *trustedKeys
	mask       *mask
	log        *slog.Logger
	keeper     *keeper
	kept       *continuations
	exported   exported
	onDraining func()
}

func newService(plugin *Plugin, instance string, secrets *mask, log *slog.Logger) (*service, error) {
	if err := plugin.check(); err != nil {
		return nil, err
	}
	if plugin.UI != nil {
		if err := plugin.UI.check(); err != nil {
			return nil, err
		}
	}
	keeper, err := newKeeper(plugin.Settings, secrets, log)
	if err != nil {
		return nil, err
	}
	var services exported
	if plugin.Services != nil {
		plugin.Services(&services)
	}
	if err := services.check(); err != nil {
		return nil, err
	}
	handler := plugin.Handler
	if handler == nil {
		handler = http.NotFoundHandler()
	}
	described := plugin.manifest()
	described.Services = services.names()
	return &service{
		plugin: plugin, handler: handler, instance: instance, described: described, exported: services,
		calls: newCalls(), stats: newCallStats(), keys: newTrustedKeys(plugin.ID), mask: secrets, log: log,
		keeper: keeper, kept: newContinuations(), onDraining: func() {},
	}, nil
}

func (s *service) Describe(_ context.Context, in *pb.DescribeRequest) (*pb.DescribeResponse, error) {
	version := highestCommon(in.GetContractVersions())
	if version == 0 {
		s.log.Warn("a gateway speaks no contract version of ours", "gateway", in.GetGatewayVersion())
	}
	return &pb.DescribeResponse{
		ContractVersion: version, SupportedContractVersions: contractVersions,
		Manifest: s.described, OpenapiJson: s.plugin.OpenAPI, InstanceId: s.instance,
	}, nil
}

func (s *service) Configure(ctx context.Context, in *pb.ConfigureRequest) (*pb.ConfigureResponse, error) {
	if !in.GetDryRun() {
		s.keys.trust(in.GetReleaseId(), in.GetCallKeys())
	}
	return s.keeper.configure(ctx, in), nil
}

func (s *service) Handle(ctx context.Context, in *pb.HandleRequest) (*pb.HandleResponse, error) {
	if s.calls.isDraining() {
		return nil, refusedHandle(ctx)
	}
	if s.keeper.missing() {
		header, body := notConfigured()
		head := &pb.HttpResponse{Status: http.StatusServiceUnavailable, Headers: headerMessages(header)}
		return &pb.HandleResponse{Response: head, Body: body}, nil
	}
	call := newHTTPCall(s, true)
	body := io.NopCloser(bytes.NewReader(in.GetBody()))
	if err := s.open(call, in.GetRequest(), body, int64(len(in.GetBody())), nil); err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	if !s.calls.enter(call) {
		call.cancel()
		return nil, refusedHandle(ctx)
	}
	stop := context.AfterFunc(ctx, call.leave)
	go call.run()
	<-call.ready
	if !stop() && ctx.Err() != nil {
		return nil, status.FromContextError(ctx.Err()).Err()
	}
	return s.answerHandle(call)
}

// open makes the call's request; its context ends when the client has left, not with the RPC that began it.
func (s *service) open(
	call *httpCall, head *pb.HttpRequest, body io.ReadCloser, length int64, socket *WebSocket,
) error {
	in := &inCall{message: head.GetContext(), keys: s.keys, socket: socket}
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), contextKey{}, in))
	request, err := newRequest(ctx, head, body, length)
	if err != nil {
		cancel()
		return err
	}
	call.request, call.cancel = request, cancel
	return nil
}

func (s *service) answerHandle(call *httpCall) (*pb.HandleResponse, error) {
	body, end, err := call.takeReady(unaryBytes)
	call.mu.Lock()
	code, head, trailers := call.status, call.head, call.trailers
	call.mu.Unlock()
	if err != nil {
		call.finish()
		if code == 0 {
			return nil, status.Error(codes.Unavailable, "cut at the deadline of the drain")
		}
		return nil, streamError(err)
	}
	answer := &pb.HandleResponse{
		Response: &pb.HttpResponse{Status: uint32(code), Headers: head}, Body: body,
	}
	if !end {
		answer.Continuation = s.kept.keep(call)
		return answer, nil
	}
	answer.Trailers = trailers
	call.finish()
	return answer, nil
}

func (s *service) ReadBody(in *pb.ReadBodyRequest, stream grpc.ServerStreamingServer[pb.ReadBodyResponse]) error {
	call := s.kept.take(in.GetContinuation())
	if in.GetDiscard() {
		// One that is being read is ended by the cancelling of that ReadBody.
		if call != nil {
			call.leave()
		}
		return nil
	}
	if call == nil {
		return status.Error(codes.NotFound, "no such continuation: used, expired or never given")
	}
	defer call.finish()
	defer context.AfterFunc(stream.Context(), call.leave)()
	for {
		chunk, end, err := call.next(window)
		if err != nil {
			return streamError(err)
		}
		answer := &pb.ReadBodyResponse{Chunk: chunk}
		if end {
			answer.Trailers = call.trailers
		}
		if len(chunk) > 0 || len(answer.Trailers) > 0 {
			if err := stream.Send(answer); err != nil {
				return err
			}
		}
		if end {
			return nil
		}
	}
}

func (s *service) GetUi(_ *pb.GetUiRequest, stream grpc.ServerStreamingServer[pb.GetUiResponse]) error {
	if s.plugin.UI == nil {
		return nil
	}
	return s.plugin.UI.send(stream)
}

func (s *service) Drain(_ context.Context, in *pb.DrainRequest) (*pb.DrainResponse, error) {
	s.log.Info("draining", "reason", in.GetReason())
	finished, cut := s.drain(in.GetDeadline().AsDuration(), in.GetStreamDeadline().AsDuration())
	return &pb.DrainResponse{Finished: uint32(finished), Cut: uint32(cut)}, nil
}

func (s *service) drain(deadline, streamDeadline time.Duration) (finished, cut int) {
	s.onDraining()
	finished, cut = s.calls.drain(deadline, streamDeadline)
	s.log.Info("drained", "finished", finished, "cut", cut)
	return finished, cut
}

func (s *service) CollectMetrics(context.Context, *pb.CollectMetricsRequest) (*pb.CollectMetricsResponse, error) {
	var text bytes.Buffer
	s.stats.write(&text, s.calls.count())
	if s.plugin.Metrics != nil {
		s.plugin.Metrics(&text)
	}
	text.WriteString("# EOF\n")
	return &pb.CollectMetricsResponse{ContentType: metricsType, Text: text.Bytes()}, nil
}

// refusal tells a gateway that the call never began, so that it may go elsewhere safely.
var refusal = metadata.Pairs("plugway-refused", "draining")

var errDraining = status.Error(codes.Unavailable, "draining: no new calls")

func refusedHandle(ctx context.Context) error {
	if err := grpc.SetTrailer(ctx, refusal); err != nil {
		return err
	}
	return errDraining
}

func streamError(err error) error {
	if errors.Is(err, ErrClientGone) {
		return status.Error(codes.Canceled, err.Error())
	}
	return status.Error(codes.Internal, err.Error())
}
