package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// content is what everybody sees. Revision grows with each change.
type content struct {
	Revision uint32    `json:"revision"`
	Text     string    `json:"text"`
	Files    []*stored `json:"files"`
}

type stored struct {
	ID     string    `json:"id"`
	Name   string    `json:"name"`
	Size   int64     `json:"size"`
	SHA256 string    `json:"sha256"`
	By     string    `json:"by"`
	At     time.Time `json:"at"`
}

// board keeps the content on disk: what change has returned from survives a kill.
type board struct {
	directory string
	mu        sync.Mutex
	now       content
	changed   chan struct{} // closed, and made anew, at each change
}

func openBoard(directory string) (*board, error) {
	b := &board{directory: directory, changed: make(chan struct{}), now: content{Files: []*stored{}}}
	if err := os.MkdirAll(b.path("files"), 0o700); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(b.path("board.json"))
	if errors.Is(err, os.ErrNotExist) {
		return b, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &b.now); err != nil {
		return nil, err
	}
	return b, b.sweep()
}

// sweep removes files of uploads that a kill has cut off.
func (b *board) sweep() error {
	found, err := os.ReadDir(b.path("files"))
	if err != nil {
		return err
	}
	for _, entry := range found {
		known := func(file *stored) bool { return file.ID == entry.Name() }
		if !slices.ContainsFunc(b.now.Files, known) {
			if err := os.Remove(b.path("files", entry.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *board) path(parts ...string) string {
	return filepath.Join(append([]string{b.directory}, parts...)...)
}

func (b *board) content() content {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

// wait is the content once its revision is above after, or what there is when the context ends.
func (b *board) wait(ctx context.Context, after uint32) content {
	for {
		b.mu.Lock()
		now, changed := b.now, b.changed
		b.mu.Unlock()
		if now.Revision > after {
			return now
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return now
		}
	}
}

// change gives what is to be instead, or false for no change; it is on disk when this returns.
func (b *board) change(act func(now content) (content, bool)) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	next, changes := act(b.now)
	if !changes {
		return nil
	}
	next.Revision = b.now.Revision + 1
	if err := b.save(next); err != nil {
		return err
	}
	b.now = next
	close(b.changed)
	b.changed = make(chan struct{})
	return nil
}

func (b *board) save(next content) error {
	text, err := json.Marshal(next)
	if err != nil {
		return err
	}
	aside, err := os.Create(b.path("board.json.new"))
	if err != nil {
		return err
	}
	_, err = aside.Write(text)
	if err = errors.Join(err, aside.Sync(), aside.Close()); err != nil {
		return err
	}
	if err := os.Rename(aside.Name(), b.path("board.json")); err != nil {
		return err
	}
	return synced(b.directory)
}

// synced makes a rename in the directory last.
func synced(directory string) error {
	opened, err := os.Open(directory)
	if err != nil {
		return err
	}
	return errors.Join(opened.Sync(), opened.Close())
}
