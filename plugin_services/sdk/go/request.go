package plugway

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	pb "plugway.dev/sdk-go/internal/pluginv1"
)

// Call is what the gateway vouches for, about the call being answered.
type Call struct {
	RequestID     string // identifies the call in every log
	User          string // empty on a public route without a caller
	Role          string // admin, operator, user, viewer or empty
	BasePath      string // where clients see the plugin's root
	Traceparent   string // W3C trace context, or empty
	ClientAddress string
	Scheme        string // that the client used
	Host          string // that the client used
}

type contextKey struct{}

// inCall is what a request's context carries.
type inCall struct {
	message *pb.CallContext
	keys    *trustedKeys
	socket  *WebSocket // where the request asks for one
	proven  *Identity  // in tests
}

// Current is the call of r.Context(), or of one made from it; false outside of a call.
func Current(ctx context.Context) (Call, bool) {
	in, ok := ctx.Value(contextKey{}).(*inCall)
	if !ok {
		return Call{}, false
	}
	message := in.message
	return Call{
		RequestID: message.GetRequestId(), User: message.GetUser(), Role: message.GetRole(),
		BasePath: message.GetBasePath(), Traceparent: message.GetTraceparent(),
		ClientAddress: message.GetClientAddress(), Scheme: message.GetScheme(), Host: message.GetHost(),
	}, true
}

// newRequest makes net/http's request of the contract's; an error says how the head breaks the contract.
func newRequest(ctx context.Context, head *pb.HttpRequest, body io.ReadCloser, length int64) (*http.Request, error) {
	target, err := parseTarget(head)
	if err != nil {
		return nil, err
	}
	if head.GetMethod() == "" {
		return nil, errors.New("the method is missing")
	}
	message := head.GetContext()
	header := make(http.Header, len(head.GetHeaders())+1)
	for _, line := range head.GetHeaders() {
		header.Add(string(line.GetName()), string(line.GetValue()))
	}
	if parent := message.GetTraceparent(); parent != "" {
		header.Set("Traceparent", parent)
	}
	host := message.GetHost()
	if host == "" {
		host = header.Get("Host")
	}
	header.Del("Host")
	if length < 0 {
		if given, err := strconv.ParseInt(header.Get("Content-Length"), 10, 64); err == nil && given >= 0 {
			length = given
		}
	}
	request := &http.Request{
		Method: head.GetMethod(), URL: target, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: body, ContentLength: length, Host: host, RequestURI: target.RequestURI(),
	}
	if address := message.GetClientAddress(); address != "" {
		request.RemoteAddr = joinAddress(address)
	}
	return request.WithContext(ctx), nil
}

func parseTarget(head *pb.HttpRequest) (*url.URL, error) {
	raw := string(head.GetPath())
	if !strings.HasPrefix(raw, "/") {
		return nil, errors.New("the path must start with '/'")
	}
	for at := range len(raw) {
		if raw[at] <= ' ' || raw[at] >= 0x7f {
			return nil, errors.New("the path must be percent-encoded ASCII")
		}
	}
	path, err := url.PathUnescape(raw)
	if err != nil {
		return nil, errors.New("the path must be percent-encoded")
	}
	// RawPath counts where it is an encoding of Path that is not the usual one.
	return &url.URL{Path: path, RawPath: raw, RawQuery: string(head.GetQuery())}, nil
}

// joinAddress gives an address the form that handlers expect; the client's port is not known.
func joinAddress(address string) string {
	if strings.Contains(address, ":") {
		return "[" + strings.Trim(address, "[]") + "]:0"
	}
	return address + ":0"
}

// headerMessages are lower-case, as the contract wants them.
func headerMessages(header http.Header) []*pb.HttpHeader {
	made := make([]*pb.HttpHeader, 0, len(header))
	for name, values := range header {
		lower := []byte(strings.ToLower(name))
		for _, value := range values {
			made = append(made, &pb.HttpHeader{Name: lower, Value: []byte(value)})
		}
	}
	return made
}
