package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"plugway.dev/sdk-go"
)

func opened(t *testing.T, directory string) *app {
	t.Helper()
	shared, err := openBoard(directory)
	if err != nil {
		t.Fatal(err)
	}
	made := &app{board: shared}
	made.plugin()
	return made
}

func (a *app) ask(t *testing.T, who, role, method, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	request := plugway.Proven(httptest.NewRequest(method, path, strings.NewReader(body)), who, role)
	recorder := httptest.NewRecorder()
	a.routes().ServeHTTP(recorder, request)
	return recorder
}

func TestWhatWasAnsweredOutlivesAKill(t *testing.T) {
	directory := t.TempDir()
	first := opened(t, directory)
	if got := first.ask(t, "ann", "user", "PUT", "/board", `{"text": "hello"}`); got.Code != http.StatusOK {
		t.Fatal(got)
	}
	if got := first.ask(t, "ann", "user", "POST", "/files?name=a.txt", "content"); got.Code != http.StatusCreated {
		t.Fatal(got)
	}
	// An upload that the kill has cut off.
	if err := os.WriteFile(filepath.Join(directory, "files", "HALF"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	again := opened(t, directory)
	now := again.board.content()
	if now.Text != "hello" || now.Revision != 2 || len(now.Files) != 1 || now.Files[0].By != "ann" {
		t.Error(now)
	}
	if got := again.ask(t, "bob", "user", "GET", "/files/"+now.Files[0].ID, ""); got.Body.String() != "content" {
		t.Error(got)
	}
	if left, _ := os.ReadDir(filepath.Join(directory, "files")); len(left) != 1 {
		t.Error(left)
	}
}

func TestAFileIsRemovedByItsOwnerOrAnOperator(t *testing.T) {
	a := opened(t, t.TempDir())
	for _, name := range []string{"one", "two"} {
		a.ask(t, "ann", "user", "POST", "/files?name="+name, name)
	}
	files := a.board.content().Files
	for _, one := range []struct {
		who, role string
		file      int
		status    int
	}{{"bob", "user", 0, 403}, {"bob", "operator", 0, 204}, {"ann", "user", 0, 404}, {"ann", "user", 1, 204}} {
		if got := a.ask(t, one.who, one.role, "DELETE", "/files/"+files[one.file].ID, ""); got.Code != one.status {
			t.Error(one, got)
		}
	}
	unknown := httptest.NewRecorder()
	a.routes().ServeHTTP(unknown, httptest.NewRequest("DELETE", "/files/"+files[0].ID, nil))
	if unknown.Code != http.StatusUnauthorized {
		t.Error(unknown)
	}
}

func TestWhatIsTooLargeLeavesNothing(t *testing.T) {
	directory := t.TempDir()
	a := opened(t, directory)
	values := *a.settings.Load()
	values.MaxFileMiB = 1
	a.settings.Store(&values)
	if got := a.ask(t, "ann", "user", "POST", "/files?name=x", strings.Repeat("x", 1<<20+1)); got.Code != http.StatusRequestEntityTooLarge {
		t.Error(got.Code)
	}
	if got := a.ask(t, "ann", "user", "PUT", "/board", `{"text": "`+strings.Repeat("x", longestText+1)+`"}`); got.Code != http.StatusRequestEntityTooLarge {
		t.Error(got.Code)
	}
	if left, _ := os.ReadDir(filepath.Join(directory, "files")); len(left) != 0 || a.board.content().Revision != 0 {
		t.Error(left)
	}
}

func TestTheWebhookIsToldOfANewFile(t *testing.T) {
	told := make(chan string, 1)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var file stored
		text, _ := io.ReadAll(r.Body)
		_ = json.Unmarshal(text, &file)
		told <- r.Header.Get("Authorization") + " " + file.Name
	}))
	defer hook.Close()
	a := opened(t, t.TempDir())
	values, err := read([]byte(`{"webhook": "` + hook.URL + `", "webhookToken": "hunter22"}`))
	if err != nil {
		t.Fatal(err)
	}
	a.settings.Store(values)
	a.ask(t, "ann", "user", "POST", "/files?name=x", "x")
	if got := <-told; got != "Bearer hunter22 x" {
		t.Error(got)
	}
	if _, err := read([]byte(`{"webhook": "ftp://there"}`)); err == nil {
		t.Error("it takes a webhook that it cannot tell")
	}
}
