package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"plugway.dev/sdk-go"
)

const (
	longestText = 64 << 10
	longestWait = 30 * time.Second
	heartbeat   = 15 * time.Second
)

//go:embed openapi.json
var openAPI []byte

func (a *app) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /board", a.show)
	mux.HandleFunc("PUT /board", a.replace)
	mux.HandleFunc("GET /changes", a.changes)
	mux.HandleFunc("GET /events", a.events)
	mux.HandleFunc("GET /live", a.live)
	mux.HandleFunc("POST /files", a.take)
	mux.HandleFunc("GET /files/{id}", a.give)
	mux.HandleFunc("DELETE /files/{id}", a.remove)
	return mux
}

type view struct {
	Title string `json:"title"`
	content
}

func (a *app) view(now content) view { return view{a.settings.Load().Title, now} }

func (a *app) show(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, a.view(a.board.content()))
}

func (a *app) replace(w http.ResponseWriter, r *http.Request) {
	var given struct {
		Text string `json:"text"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 8*longestText)).Decode(&given); err != nil {
		refuse(w, http.StatusBadRequest, `The body has to be {"text": "..."}.`)
		return
	}
	if err := a.setText(given.Text); err != nil {
		a.failed(w, r, err)
		return
	}
	a.show(w, r)
}

var errTooLong = errors.New("the text may have 64 KiB")

func (a *app) setText(text string) error {
	if len(text) > longestText || !utf8.ValidString(text) {
		return errTooLong
	}
	return a.board.change(func(now content) (content, bool) {
		changes := now.Text != text
		now.Text = text
		return now, changes
	})
}

// changes answers as soon as there is something newer, or with what there is when the time is over.
func (a *app) changes(w http.ResponseWriter, r *http.Request) {
	after, err := strconv.ParseUint(r.FormValue("after"), 10, 32)
	seconds, err2 := strconv.ParseFloat(r.FormValue("wait"), 64)
	if err != nil || err2 != nil || seconds < 0 {
		refuse(w, http.StatusBadRequest, "after is a revision, wait a number of seconds.")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), min(longestWait, time.Duration(seconds*float64(time.Second))))
	defer cancel()
	answer(w, http.StatusOK, a.view(a.board.wait(ctx, uint32(after))))
}

// events are server-sent ones: the whole content at first and at each change.
func (a *app) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	now := a.board.content()
	for r.Context().Err() == nil {
		text, err := json.Marshal(a.view(now))
		if err != nil {
			panic(err) // strings and numbers always become JSON
		}
		if _, err := fmt.Fprintf(w, "event: board\ndata: %s\n\n", text); err != nil {
			return
		}
		for before := now.Revision; now.Revision == before && r.Context().Err() == nil; {
			ctx, cancel := context.WithTimeout(r.Context(), heartbeat)
			now = a.board.wait(ctx, before)
			cancel()
			if now.Revision == before {
				fmt.Fprint(w, ": here\n\n")
			}
		}
	}
}

// live is the text alone, as it is typed, in both directions.
func (a *app) live(w http.ResponseWriter, r *http.Request) {
	socket, err := plugway.AcceptWebSocket(w, r)
	if err != nil {
		return
	}
	go a.follow(r.Context(), socket)
	for {
		message, err := socket.Read()
		if err != nil {
			return
		}
		if err := a.setText(string(message.Data)); err != nil {
			_ = socket.Close(1008, err.Error())
			return
		}
	}
}

func (a *app) follow(ctx context.Context, socket *plugway.WebSocket) {
	now := a.board.content()
	for ctx.Err() == nil {
		if socket.WriteText(now.Text) != nil {
			return
		}
		now = a.board.wait(ctx, now.Revision)
	}
}

func answer(w http.ResponseWriter, status int, value any) {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // strings and numbers always become JSON
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

func refuse(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	text, err := json.Marshal(map[string]any{"title": http.StatusText(status), "status": status, "detail": detail})
	if err != nil {
		panic(err) // as above
	}
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

func (a *app) failed(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, errTooLong) {
		refuse(w, http.StatusRequestEntityTooLarge, "The text may have 64 KiB, in UTF-8.")
		return
	}
	slog.ErrorContext(r.Context(), "a call failed", "error", err)
	refuse(w, http.StatusInternalServerError, "It could not be stored; the plugin's log says why.")
}
