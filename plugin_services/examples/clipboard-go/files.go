package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"plugway.dev/sdk-go"
)

const hookTimeout = 20 * time.Second

var hooks = &http.Client{Transport: plugway.Transport(), Timeout: hookTimeout}

// take stores the request's body as it arrives.
func (a *app) take(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimSpace(r.URL.Query().Get("name"))
	if name == "" || len(name) > 200 || strings.ContainsAny(name, "/\\\r\n\x00") {
		refuse(w, http.StatusBadRequest, "name is that of a file, at most 200 bytes.")
		return
	}
	call, _ := plugway.Current(r.Context())
	file := &stored{ID: rand.Text(), Name: name, By: call.User, At: time.Now().UTC().Truncate(time.Second)}
	limit := a.settings.Load().MaxFileMiB << 20
	var tooLarge *http.MaxBytesError
	err := a.store(file, http.MaxBytesReader(w, r.Body, limit))
	switch {
	case errors.As(err, &tooLarge):
		refuse(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("A file may have %d MiB.", limit>>20))
	case errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, plugway.ErrClientGone):
		refuse(w, http.StatusBadRequest, "The upload broke off.")
	case err != nil:
		a.failed(w, r, err)
	default:
		a.stored.Add(1)
		slog.InfoContext(r.Context(), "a file was taken", "name", file.Name, "size", file.Size)
		go a.tell(context.WithoutCancel(r.Context()), file)
		answer(w, http.StatusCreated, file)
	}
}

func (a *app) store(file *stored, from io.Reader) (err error) {
	path := a.board.path("files", file.ID)
	defer func() {
		if err != nil {
			_ = os.Remove(path)
		}
	}()
	to, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	digest := sha256.New()
	file.Size, err = io.Copy(io.MultiWriter(to, digest), from)
	if err = errors.Join(err, to.Sync(), to.Close()); err != nil {
		return err
	}
	if err := synced(a.board.path("files")); err != nil {
		return err
	}
	file.SHA256 = hex.EncodeToString(digest.Sum(nil))
	return a.board.change(func(now content) (content, bool) {
		now.Files = append(slices.Clone(now.Files), file)
		return now, true
	})
}

func (a *app) find(w http.ResponseWriter, r *http.Request) *stored {
	files := a.board.content().Files
	at := slices.IndexFunc(files, func(file *stored) bool { return file.ID == r.PathValue("id") })
	if at < 0 {
		refuse(w, http.StatusNotFound, "There is no such file.")
		return nil
	}
	return files[at]
}

// give sends a file, or the ranges of it that were asked for.
func (a *app) give(w http.ResponseWriter, r *http.Request) {
	file := a.find(w, r)
	if file == nil {
		return
	}
	from, err := os.Open(a.board.path("files", file.ID))
	if err != nil {
		a.failed(w, r, err)
		return
	}
	defer from.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": file.Name}))
	w.Header().Set("ETag", `"`+file.SHA256+`"`)
	http.ServeContent(w, r, "", file.At, from)
}

// remove is for who put it there, and for those who run the plugin.
func (a *app) remove(w http.ResponseWriter, r *http.Request) {
	who, err := plugway.Caller(r)
	if err != nil {
		refuse(w, http.StatusUnauthorized, err.Error())
		return
	}
	file := a.find(w, r)
	if file == nil {
		return
	}
	if who.User != file.By && who.Role != "admin" && who.Role != "operator" {
		refuse(w, http.StatusForbidden, file.By+" put it there.")
		return
	}
	err = a.board.change(func(now content) (content, bool) {
		kept := slices.DeleteFunc(slices.Clone(now.Files), func(one *stored) bool { return one.ID == file.ID })
		changes := len(kept) < len(now.Files)
		now.Files = kept
		return now, changes
	})
	if err != nil {
		a.failed(w, r, err)
		return
	}
	// What stays after a kill here is swept at the next start.
	_ = os.Remove(a.board.path("files", file.ID))
	w.WriteHeader(http.StatusNoContent)
}

// tell posts the new file to the webhook, by the gateway's relay.
func (a *app) tell(ctx context.Context, file *stored) {
	values := a.settings.Load()
	if values.Webhook == "" {
		return
	}
	if err := post(ctx, values, file); err != nil {
		slog.WarnContext(ctx, "the webhook was not told", "webhook", values.Webhook, "error", err)
	}
}

func post(ctx context.Context, values *settings, file *stored) error {
	text, err := json.Marshal(file)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, values.Webhook, bytes.NewReader(text))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	if values.WebhookToken != "" {
		request.Header.Set("Authorization", "Bearer "+values.WebhookToken)
	}
	answer, err := hooks.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode >= 300 {
		return fmt.Errorf("it answers %s", answer.Status)
	}
	return nil
}
