package plugway

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/grpclog"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	pb "plugway.dev/sdk-go/internal/pluginv1"
)

const (
	largestReceived = 8<<20 + 64<<10 // what the contract says, and the frame around it
	drainOnSignal   = 5 * time.Second
)

// Serve is the process of a plugin: it serves until SIGTERM, drains and returns. Where it cannot start it
// exits with status 1. It makes slog's default logger, and with it package log, write what the contract wants.
//
// It reads PLUGWAY_LISTEN, PLUGWAY_TLS, PLUGWAY_INSTANCE, PLUGWAY_EGRESS, PLUGWAY_VOLUMES and
// PLUGWAY_LOG_LEVEL; without them it listens on a socket in the working directory.
func Serve(plugin *Plugin) {
	secrets := &mask{}
	level := os.Getenv("PLUGWAY_LOG_LEVEL")
	slog.SetDefault(slog.New(newLogHandler(os.Stdout, level, cmp.Or(plugin.ID, "plugin"), secrets)))
	log := slog.New(newLogHandler(os.Stdout, level, "plugway", secrets))
	// What gRPC has to say about connections comes as status codes too.
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, io.Discard))

	instance := os.Getenv("PLUGWAY_INSTANCE")
	stopping, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if instance != "" {
		// Ctrl-C in a terminal reaches the whole group; the gateway decides when its plugins end.
		signal.Ignore(os.Interrupt)
	} else {
		stopping, stop = signal.NotifyContext(stopping, os.Interrupt)
		defer stop()
	}
	if err := serve(stopping, plugin, instance, secrets, log); err != nil {
		log.Error("the plugin cannot start", "plugin", plugin.ID, "error", err)
		os.Exit(1)
	}
}

func serve(stopping context.Context, plugin *Plugin, instance string, secrets *mask, log *slog.Logger) error {
	service, err := newService(plugin, instance, secrets, log)
	if err != nil {
		return err
	}
	address := cmp.Or(os.Getenv("PLUGWAY_LISTEN"), "unix:.plugway-"+plugin.ID+".sock")
	listener, secure, err := listen(address, os.Getenv("PLUGWAY_TLS"))
	if err != nil {
		return err
	}
	server := newServer(service, secure)
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	log.Info("serving", "plugin", plugin.ID, "version", plugin.Version, "address", address)
	if os.Getenv("PLUGWAY_LISTEN") == "" {
		log.Info("no gateway started this; attach it with sourceUrl unix://" + listener.Addr().String())
	}
	select {
	case err := <-failed:
		return err
	case <-stopping.Done():
	}
	log.Info("stopping")
	service.drain(drainOnSignal, drainOnSignal)
	// Drain has decided about calls; this lets their last bytes out.
	timer := time.AfterFunc(lastWords, server.Stop)
	defer timer.Stop()
	server.GracefulStop()
	return nil
}

// newServer has the contract, health and reflection on one address.
func newServer(service *service, secure credentials.TransportCredentials) *grpc.Server {
	options := []grpc.ServerOption{
		grpc.MaxRecvMsgSize(largestReceived),
		// A gateway pings every 5 seconds, idle or not, and gRPC's default punishes that.
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: time.Second, PermitWithoutStream: true}),
		// And the plugin notices a gateway that vanished without a word.
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: time.Minute, Timeout: 20 * time.Second}),
	}
	if len(service.exported) > 0 {
		options = append(options, grpc.UnaryInterceptor(service.guardUnary), grpc.StreamInterceptor(service.guardStream))
	}
	if secure != nil {
		options = append(options, grpc.Creds(secure))
	}
	server := grpc.NewServer(options...)
	pb.RegisterPluginServiceServer(server, service)
	healthy := health.NewServer()
	for _, name := range []string{service.plugin.ID, service.instance} {
		if name != "" {
			healthy.SetServingStatus(name, healthpb.HealthCheckResponse_SERVING)
		}
	}
	healthpb.RegisterHealthServer(server, healthy)
	service.onDraining = healthy.Shutdown
	for _, one := range service.exported {
		server.RegisterService(one.description, one.server)
	}
	reflection.Register(server)
	return server
}

func listen(address, tlsDirectory string) (net.Listener, credentials.TransportCredentials, error) {
	if path, is := strings.CutPrefix(address, "unix:"); is && path != "" {
		path, err := filepath.Abs(path)
		if err != nil {
			return nil, nil, err
		}
		// A killed process leaves its socket.
		if found, err := os.Lstat(path); err == nil && found.Mode().Type() == os.ModeSocket {
			_ = os.Remove(path)
		}
		listener, err := net.Listen("unix", path)
		return listener, nil, err
	}
	place, is := strings.CutPrefix(address, "tcp:")
	if !is || !strings.Contains(place, ":") {
		return nil, nil, fmt.Errorf("PLUGWAY_LISTEN is %q; expected unix:/path or tcp:host:port", address)
	}
	var secure credentials.TransportCredentials
	if tlsDirectory != "" {
		made, err := mutualTLS(tlsDirectory)
		if err != nil {
			return nil, nil, fmt.Errorf("PLUGWAY_TLS: %w", err)
		}
		secure = made
	}
	listener, err := net.Listen("tcp", place)
	return listener, secure, err
}

// mutualTLS lets in only clients of the given authority.
func mutualTLS(directory string) (credentials.TransportCredentials, error) {
	pair, err := tls.LoadX509KeyPair(filepath.Join(directory, "cert.pem"), filepath.Join(directory, "key.pem"))
	if err != nil {
		return nil, err
	}
	authority, err := os.ReadFile(filepath.Join(directory, "ca.pem"))
	if err != nil {
		return nil, err
	}
	clients := x509.NewCertPool()
	if !clients.AppendCertsFromPEM(authority) {
		return nil, errors.New("ca.pem holds no certificate")
	}
	return credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{pair}, ClientCAs: clients, ClientAuth: tls.RequireAndVerifyClientCert,
		MinVersion: tls.VersionTLS12,
	}), nil
}

var volumeName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// Volume is the directory of a volume that the plugin declared, made on an author's machine. Nothing else on
// disk outlives the container.
func Volume(name string) (string, error) {
	if !volumeName.MatchString(name) {
		return "", fmt.Errorf("%q is no volume name: lower-case letters, digits and '-'", name)
	}
	directory, err := filepath.Abs(filepath.Join(cmp.Or(os.Getenv("PLUGWAY_VOLUMES"), ".plugway-volumes"), name))
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return "", fmt.Errorf("the volume %q is not there; declare it in Permissions.Volumes: %w", name, err)
	}
	return directory, nil
}
