package plugway

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	pb "plugway.dev/sdk-go/internal/pluginv1"
)

const (
	// By how much the gateway's clock may differ from this one.
	leeway          = 10 * time.Second
	longestToken    = 4096
	rememberedCalls = 1024
)

// Identity is who calls. Role is "admin", "operator", "user" or "viewer": what they are to this plugin.
type Identity struct{ User, Role string }

// ErrCallerUnproven is what every error of Caller is; answer with 401.
var ErrCallerUnproven = errors.New("nobody proves who calls")

type unproven string

func (u unproven) Error() string        { return string(u) }
func (u unproven) Is(target error) bool { return target == ErrCallerUnproven }

// Caller is who calls, by the gateway's signature: for this plugin, this release, about a minute.
func Caller(r *http.Request) (Identity, error) { return CallerIn(r.Context()) }

// CallerIn is Caller for the context of a call, of a typed service too.
func CallerIn(ctx context.Context) (Identity, error) {
	in, ok := ctx.Value(contextKey{}).(*inCall)
	if !ok {
		return Identity{}, unproven("this is no call of a gateway")
	}
	if in.proven != nil {
		return *in.proven, nil
	}
	return in.keys.check(in.message.GetToken(), time.Now())
}

// Proven is a copy of the request for which Caller and Current tell of this caller: for tests of handlers, which
// then need no gateway.
func Proven(r *http.Request, user, role string) *http.Request {
	in := &inCall{message: &pb.CallContext{User: user, Role: role}, proven: &Identity{user, role}}
	return r.WithContext(context.WithValue(r.Context(), contextKey{}, in))
}

// trustedKeys are the gateway's public keys, as Configure brought them, and what tokens have to name.
type trustedKeys struct {
	mu      sync.Mutex
	plugin  string
	release string
	keys    map[string]ed25519.PublicKey
	good    map[string]goodToken
}

type goodToken struct {
	who   Identity
	until time.Time
}

func newTrustedKeys(plugin string) *trustedKeys { return &trustedKeys{plugin: plugin} }

// trust takes these from now on, and no others.
func (t *trustedKeys) trust(release string, keys []*pb.CallKey) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.release, t.keys, t.good = release, map[string]ed25519.PublicKey{}, map[string]goodToken{}
	for _, key := range keys {
		if len(key.GetPublicKey()) == ed25519.PublicKeySize {
			t.keys[key.GetId()] = key.GetPublicKey()
		}
	}
}

func (t *trustedKeys) check(token string, now time.Time) (Identity, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if known, there := t.good[token]; there && now.Before(known.until) {
		return known.who, nil
	}
	if token == "" {
		return Identity{}, unproven("nobody is signed in, or the gateway proves nothing")
	}
	claims, err := t.claims(token)
	if err != nil {
		return Identity{}, err
	}
	if err := t.judge(claims, now); err != nil {
		return Identity{}, err
	}
	found := Identity{*claims.User, *claims.Role}
	if len(t.good) >= rememberedCalls {
		clear(t.good)
	}
	t.good[token] = goodToken{found, time.Unix(*claims.Expires, 0).Add(leeway)}
	return found, nil
}

type tokenClaims struct {
	Issuer  *string `json:"iss"`
	User    *string `json:"sub"`
	Role    *string `json:"role"`
	Plugin  *string `json:"aud"`
	Release *string `json:"release"`
	Issued  *int64  `json:"iat"`
	Expires *int64  `json:"exp"`
}

// claims are what a token says that one of the keys has signed.
func (t *trustedKeys) claims(token string) (*tokenClaims, error) {
	parts := strings.Split(token, ".")
	var head struct {
		Algorithm string `json:"alg"`
		Type      string `json:"typ"`
		Key       string `json:"kid"`
	}
	if len(token) > longestToken || len(parts) != 3 || !decodePart(parts[0], &head) ||
		head.Algorithm != "EdDSA" || head.Type != "plugway-call+jwt" {
		return nil, unproven("this is no token of a call")
	}
	key, known := t.keys[head.Key]
	if !known {
		return nil, unproven("the token was signed with a key that the gateway did not name")
	}
	signature, err := base64.RawURLEncoding.Strict().DecodeString(parts[2])
	if err != nil || !ed25519.Verify(key, []byte(parts[0]+"."+parts[1]), signature) {
		return nil, unproven("the signature of the token does not hold")
	}
	var claims tokenClaims
	if !decodePart(parts[1], &claims) {
		return nil, unproven("the token's claims cannot be read")
	}
	return &claims, nil
}

func decodePart(part string, into any) bool {
	text, err := base64.RawURLEncoding.Strict().DecodeString(part)
	return err == nil && json.Unmarshal(text, into) == nil
}

func (t *trustedKeys) judge(claims *tokenClaims, now time.Time) error {
	if claims.Issuer == nil || claims.User == nil || claims.Role == nil || claims.Plugin == nil ||
		claims.Release == nil || claims.Issued == nil || claims.Expires == nil {
		return unproven("the token lacks a claim")
	}
	switch {
	case *claims.Issuer != "plugway" || *claims.Plugin != t.plugin:
		return unproven("the token was made for another plugin")
	case *claims.Release != t.release:
		return unproven("the token was made for another release of this plugin")
	case !now.Before(time.Unix(*claims.Expires, 0).Add(leeway)):
		return unproven("the token has expired")
	case now.Before(time.Unix(*claims.Issued, 0).Add(-leeway)):
		return unproven("the token is from the future: the clocks differ")
	}
	return nil
}
