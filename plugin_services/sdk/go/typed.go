package plugway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	pb "plugway.dev/sdk-go/internal/pluginv1"
)

// Metadata in which a gateway says who calls: a CallContext.
const contextMetadata = "plugway-context-bin"

// What the plugin's server has for the gateway, and no plugin can export.
var notExported = []string{"plugway.", "grpc.health.", "grpc.reflection."}

// exported are the author's gRPC services, as their generated code registers them.
type exported []exportedService

type exportedService struct {
	description *grpc.ServiceDesc
	server      any
}

func (e *exported) RegisterService(description *grpc.ServiceDesc, server any) {
	*e = append(*e, exportedService{description, server})
}

func (e exported) names() []string {
	names := make([]string, len(e))
	for n, one := range e {
		names[n] = one.description.ServiceName
	}
	return names
}

func (e exported) check() error {
	for _, name := range e.names() {
		if ours(name) {
			return fmt.Errorf("the service %s cannot be exported: the name is taken", name)
		}
	}
	return nil
}

func ours(name string) bool {
	for _, prefix := range notExported {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// typedCall is a running call of one, as draining sees it.
type typedCall struct {
	cancel context.CancelFunc
	stream bool
}

func (c *typedCall) isStream() bool { return c.stream }

// giveNotice does nothing: gRPC has no word for it, so the call may go on until the deadline.
func (c *typedCall) giveNotice() {}

func (c *typedCall) cut() { c.cancel() }

func (s *service) guardUnary(
	ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler,
) (answer any, err error) {
	if ours(strings.TrimPrefix(info.FullMethod, "/")) {
		return handler(ctx, request)
	}
	err = s.typed(ctx, info.FullMethod, false, func(metadata.MD) error { return grpc.SetTrailer(ctx, refusal) },
		func(ctx context.Context) error {
			answer, err = handler(ctx, request)
			return err
		})
	return answer, err
}

func (s *service) guardStream(
	server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler,
) error {
	if ours(strings.TrimPrefix(info.FullMethod, "/")) {
		return handler(server, stream)
	}
	return s.typed(stream.Context(), info.FullMethod, true,
		func(trailer metadata.MD) error { stream.SetTrailer(trailer); return nil },
		func(ctx context.Context) error { return handler(server, &streamIn{stream, ctx}) })
}

type streamIn struct {
	grpc.ServerStream
	ctx context.Context
}

func (s *streamIn) Context() context.Context { return s.ctx }

// typed refuses while draining, counts, tells who calls, and keeps what goes wrong to the log.
func (s *service) typed(
	ctx context.Context, method string, stream bool, trail func(metadata.MD) error, act func(context.Context) error,
) (err error) {
	in := &inCall{message: &pb.CallContext{}, keys: s.keys}
	if given := metadata.ValueFromIncomingContext(ctx, contextMetadata); len(given) > 0 {
		if err := proto.Unmarshal([]byte(given[0]), in.message); err != nil {
			return status.Error(codes.InvalidArgument, contextMetadata+" cannot be read")
		}
	}
	ctx, cancel := context.WithCancel(context.WithValue(ctx, contextKey{}, in))
	defer cancel()
	call := &typedCall{cancel, stream}
	if !s.calls.enter(call) {
		if err := trail(refusal); err != nil {
			return err
		}
		return errDraining
	}
	defer s.calls.leave(call)
	if s.keeper.missing() {
		return status.Error(codes.FailedPrecondition, "the plugin has no settings in force")
	}
	defer func() {
		if reason := recover(); reason != nil {
			slog.ErrorContext(ctx, "a typed call failed", "method", method,
				"error", fmt.Sprint(reason), "stack", string(debug.Stack()))
			err = errTyped
		}
	}()
	return told(ctx, method, act(ctx))
}

var errTyped = status.Error(codes.Internal, "the plugin failed; its log says why")

// told lets through what the author means for clients. The text of any other error may hold anything.
func told(ctx context.Context, method string, err error) error {
	var meant interface{ GRPCStatus() *status.Status }
	switch {
	case err == nil || errors.As(err, &meant):
		return err
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return status.FromContextError(err).Err()
	}
	slog.ErrorContext(ctx, "a typed call failed", "method", method, "error", err)
	return errTyped
}
