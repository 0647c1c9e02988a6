package plugway

import (
	"io"
	"sync"
)

// uploadBody is a request's body that arrives in parts, with back-pressure.
type uploadBody struct {
	mu       sync.Mutex
	changed  sync.Cond
	parts    [][]byte
	buffered int
	end      error // what Read returns once the parts are taken
	dropping bool
}

func newUploadBody() *uploadBody {
	body := &uploadBody{}
	body.changed.L = &body.mu
	return body
}

func (b *uploadBody) Read(into []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.parts) == 0 && b.end == nil {
		if b.dropping {
			return 0, ErrClientGone
		}
		b.changed.Wait()
	}
	if len(b.parts) == 0 {
		return 0, b.end
	}
	n := copy(into, b.parts[0])
	if b.parts[0] = b.parts[0][n:]; len(b.parts[0]) == 0 {
		b.parts = b.parts[1:]
	}
	b.buffered -= n
	b.changed.Broadcast()
	return n, nil
}

// Close drops what still comes, as a handler's return does.
func (b *uploadBody) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.dropping, b.parts, b.buffered = true, nil, 0
	b.changed.Broadcast()
	return nil
}

// feed waits while the handler is behind by more than the window.
func (b *uploadBody) feed(part []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(part) == 0 || b.dropping || b.end != nil {
		return
	}
	b.parts = append(b.parts, part)
	b.buffered += len(part)
	b.changed.Broadcast()
	for b.buffered >= window && !b.dropping && b.end == nil {
		b.changed.Wait()
	}
}

// finish says that no more comes: io.EOF where the body is whole. Of a broken one nothing more is read.
func (b *uploadBody) finish(end error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.end == nil {
		b.end = end
	}
	if end != io.EOF {
		b.parts, b.buffered = nil, 0
	}
	b.changed.Broadcast()
}
