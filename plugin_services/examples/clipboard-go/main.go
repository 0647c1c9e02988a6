// Command clipboard is a Plugway plugin: text and files that everybody who is signed in shares.
package main

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"sync/atomic"

	_ "golang.org/x/crypto/x509roots/fallback" // an image from scratch has no authorities of its own

	"plugway.dev/sdk-go"
)

//go:embed ui
var ui embed.FS

const schema = `{
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "title": {"type": "string", "title": "Title", "default": "Clipboard", "minLength": 1, "maxLength": 60},
    "maxFileMiB": {"type": "integer", "title": "Largest file (MiB)", "default": 100, "minimum": 1, "maximum": 10240},
    "webhook": {"type": "string", "title": "Webhook", "default": "", "description": "This address is told of each new file."},
    "webhookToken": {"type": "string", "title": "Token for the webhook", "default": "", "writeOnly": true}
  }
}`

type settings struct {
	Title        string `json:"title"`
	MaxFileMiB   int64  `json:"maxFileMiB"`
	Webhook      string `json:"webhook"`
	WebhookToken string `json:"webhookToken"`
}

func read(document []byte) (*settings, error) {
	values := &settings{Title: "Clipboard", MaxFileMiB: 100}
	if err := json.Unmarshal(document, values); err != nil {
		return nil, err
	}
	if address, err := url.Parse(values.Webhook); values.Webhook != "" &&
		(err != nil || address.Host == "" || (address.Scheme != "http" && address.Scheme != "https")) {
		return nil, plugway.Refused{"/webhook": "must be an address that begins with http:// or https://"}
	}
	return values, nil
}

// app is what the handlers share.
type app struct {
	board    *board
	settings atomic.Pointer[settings]
	stored   atomic.Int64
}

func main() {
	data, err := plugway.Volume("data")
	if err != nil {
		fail(err)
	}
	shared, err := openBoard(data)
	if err != nil {
		fail(err)
	}
	plugway.Serve((&app{board: shared}).plugin())
}

func fail(err error) {
	slog.Error("the clipboard cannot start", "error", err)
	os.Exit(1)
}

func (a *app) plugin() *plugway.Plugin {
	defaults, err := read([]byte("{}"))
	if err != nil {
		panic(err) // the defaults fit
	}
	a.settings.Store(defaults)
	return &plugway.Plugin{
		ID:          "clipboard",
		Version:     "1.0.0",
		Name:        "Clipboard",
		Description: "Text and files that everybody who is signed in shares, live on every open page.",
		Handler:     a.routes(),
		OpenAPI:     openAPI,
		Settings: &plugway.Settings{
			Schema: schema,
			Check:  func(_ context.Context, document []byte) error { _, err := read(document); return err },
			Apply: func(_ context.Context, document []byte) error {
				values, err := read(document)
				if err == nil {
					a.settings.Store(values)
				}
				return err
			},
		},
		UI: &plugway.UI{Files: ui, Root: "ui", Styles: []string{"clipboard.css"}},
		Permissions: plugway.Permissions{
			Egress:  []string{"settings:/webhook"},
			Volumes: []string{"data"},
		},
		Metrics: func(to io.Writer) {
			fmt.Fprintf(to, "# TYPE clipboard_files counter\n# HELP clipboard_files Files taken since the start.\n"+
				"clipboard_files_total %d\n", a.stored.Load())
		},
	}
}
