package plugway

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	pb "plugway.dev/sdk-go/internal/pluginv1"
)

const trySchema = `{"type": "object", "additionalProperties": false, "required": ["url"], "properties": {
	"url": {"type": "string", "pattern": "^https?://"},
	"deep": {"type": "object", "properties": {"pass~/word": {"type": "string", "maxLength": 40, "pattern": "^h", "writeOnly": true}}}}}`

func configured(t *testing.T, p *plugged, in *pb.ConfigureRequest) *pb.ConfigureResponse {
	t.Helper()
	answer, err := p.Configure(bounded(t), in)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func TestSettingsAreTakenWhollyOrNotAtAll(t *testing.T) {
	var inForce map[string]any
	applied := 0
	p := plugAll(t, &Plugin{ID: "tried", Version: "1.0.0",
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }),
		Settings: &Settings{
			Schema: trySchema, Version: 2,
			Migrate: func(values map[string]any, from uint32) (map[string]any, error) {
				values["url"] = values["address"]
				delete(values, "address")
				return values, nil
			},
			Check: func(_ context.Context, document []byte) error {
				if strings.Contains(string(document), "nowhere") {
					return Refused{"/url": "nobody answers there: " + string(document)}
				}
				return nil
			},
			Apply: func(_ context.Context, document []byte) error {
				if strings.Contains(string(document), "panic") {
					panic("cannot")
				}
				applied++
				return json.Unmarshal(document, &inForce)
			},
		}})
	if status := p.get(t, "/").GetResponse().GetStatus(); status != 503 {
		t.Error("before settings:", status)
	}
	secrets := map[string]string{"/deep/pass~0~1word": "hunter22"}
	good := func() *pb.ConfigureRequest {
		return &pb.ConfigureRequest{SettingsJson: `{"url": "http://a"}`, Secrets: secrets, SchemaVersion: 2, Revision: 1}
	}
	for range 2 {
		if answer := configured(t, p, good()); !answer.GetAccepted() {
			t.Fatal(answer)
		}
	}
	if applied != 1 || inForce["deep"].(map[string]any)["pass~/word"] != "hunter22" {
		t.Error(applied, inForce)
	}
	for name, one := range map[string]struct{ settings, field string }{
		"pattern":  {`{"url": "ftp://a"}`, "/url"},
		"missing":  {`{}`, "/url"},
		"unknown":  {`{"url": "http://a", "a/b": 1}`, "/a~1b"},
		"checked":  {`{"url": "http://nowhere"}`, "/url"},
		"panics":   {`{"url": "http://panic"}`, ""},
		"no-json":  {`{"url": `, ""},
		"two":      {`{"url": "http://a"} {}`, ""},
		"no-place": {`{"url": "http://a", "deep": 1}`, "/deep/pass~0~1word"},
	} {
		t.Run(name, func(t *testing.T) {
			answer := configured(t, p, &pb.ConfigureRequest{SettingsJson: one.settings, Secrets: secrets, SchemaVersion: 2, Revision: 2})
			if answer.GetAccepted() || len(answer.GetErrors()) != 1 || answer.GetErrors()[0].GetField() != one.field {
				t.Error(answer)
			}
			if strings.Contains(answer.String(), "hunter22") {
				t.Error("it tells the secret:", answer)
			}
		})
	}
	tellsNone := configured(t, p, &pb.ConfigureRequest{SettingsJson: `{"url": "http://a"}`, SchemaVersion: 2,
		Secrets: map[string]string{"/deep/pass~0~1word": `no" h`}})
	if tellsNone.GetAccepted() || strings.Contains(tellsNone.String(), "no\\\" h") {
		t.Error(tellsNone)
	}
	if applied != 1 || inForce["url"] != "http://a" {
		t.Error("old settings are gone:", inForce)
	}
	old := configured(t, p, &pb.ConfigureRequest{SettingsJson: `{"address": "http://b"}`, SchemaVersion: 1, Revision: 3})
	if !old.GetAccepted() || inForce["url"] != "http://b" {
		t.Error(old, inForce)
	}
	if strings.Contains(p.log.String(), "hunter22") {
		t.Error("the log tells the secret:", p.log)
	}
}

func TestLinesHaveTheCallAndNoSecret(t *testing.T) {
	p := plug(t, func(_ http.ResponseWriter, r *http.Request) {
		slog.InfoContext(r.Context(), "it is p&ss\"word", "error", errors.New("p&ss\"word"),
			"deep", map[string]any{"url": "http://x/?p%26ss%22word", "list": []string{"p&ss\"word"}}, slog.Group("g", "in", "p&ss\"word"))
	})
	p.service.mask.add([]string{`p&ss"word`})
	p.get(t, "/")
	until(t, "the line", func() bool { return strings.Contains(p.log.String(), "it is") })
	for line := range strings.Lines(p.log.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatal(err, line)
		}
		if strings.Contains(line, "ss") && strings.Contains(line, "word") {
			t.Error(line)
		}
		if fields["request_id"] != "r-1" || fields["level"] != "info" || fields["logger"] != "tried" || fields["at"] == nil {
			t.Error(line)
		}
	}
}
