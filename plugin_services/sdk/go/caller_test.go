package plugway

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	pb "plugway.dev/sdk-go/internal/pluginv1"
)

func signedToken(key ed25519.PrivateKey, head, claims map[string]any) string {
	encoded := func(value any) string {
		text, _ := json.Marshal(value)
		return base64.RawURLEncoding.EncodeToString(text)
	}
	text := encoded(head) + "." + encoded(claims)
	return text + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(key, []byte(text)))
}

func TestOnlyTheGatewaysWordForThisReleaseCounts(t *testing.T) {
	public, private, _ := ed25519.GenerateKey(nil)
	_, stranger, _ := ed25519.GenerateKey(nil)
	var who Identity
	var why error
	p := plug(t, func(_ http.ResponseWriter, r *http.Request) { who, why = Caller(r) })
	configured(t, p, &pb.ConfigureRequest{ReleaseId: "r1", CallKeys: []*pb.CallKey{{Id: "k1", PublicKey: public}}})
	configured(t, p, &pb.ConfigureRequest{ReleaseId: "r2", DryRun: true})
	now := time.Now().Unix()
	for name, one := range map[string]struct {
		holds        bool
		key          ed25519.PrivateKey
		head, claims map[string]any
	}{
		"good":          {holds: true},
		"skewed":        {holds: true, claims: map[string]any{"iat": now + 8, "exp": now + 68}},
		"nearly-over":   {holds: true, claims: map[string]any{"exp": now - 8}},
		"expired":       {claims: map[string]any{"exp": now - 12}},
		"future":        {claims: map[string]any{"iat": now + 30}},
		"other-plugin":  {claims: map[string]any{"aud": "other"}},
		"other-release": {claims: map[string]any{"release": "r2"}},
		"other-issuer":  {claims: map[string]any{"iss": "me"}},
		"no-role":       {claims: map[string]any{"role": nil}},
		"number-role":   {claims: map[string]any{"role": 1}},
		"stranger":      {key: stranger},
		"other-key":     {head: map[string]any{"kid": "k2"}},
		"alg-none":      {head: map[string]any{"alg": "none"}},
		"other-type":    {head: map[string]any{"typ": "JWT"}},
	} {
		t.Run(name, func(t *testing.T) {
			key, top := private, map[string]any{"alg": "EdDSA", "typ": "plugway-call+jwt", "kid": "k1"}
			claims := map[string]any{"iss": "plugway", "sub": "bob", "role": "user", "aud": "tried", "release": "r1", "iat": now, "exp": now + 60}
			if one.key != nil {
				key = one.key
			}
			for name, value := range one.head {
				top[name] = value
			}
			for name, value := range one.claims {
				claims[name] = value
			}
			request := head("GET", "/")
			request.Context.Token = signedToken(key, top, claims)
			for range 2 {
				if _, err := p.Handle(bounded(t), &pb.HandleRequest{Request: request}); err != nil {
					t.Fatal(err)
				}
				if one.holds && (why != nil || who != Identity{"bob", "user"}) || !one.holds && !errors.Is(why, ErrCallerUnproven) {
					t.Error(who, why)
				}
			}
		})
	}
	p.get(t, "/")
	if !errors.Is(why, ErrCallerUnproven) {
		t.Error("without a token:", who, why)
	}
}
