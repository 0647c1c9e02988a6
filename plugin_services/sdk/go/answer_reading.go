package plugway

import (
	"bytes"
	"fmt"
	"math/rand/v2"
)

// The reader's side.

// ended is why a reader stopped: the answer broke off, or nobody wants it.
func (c *httpCall) ended() error {
	if c.gone && !c.broken {
		return ErrClientGone
	}
	return errAnswerBroken
}

// takeReady gives at most limit bytes of what is there, and whether that is the end.
func (c *httpCall) takeReady(limit int) (data []byte, end bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.takeLocked(limit)
}

func (c *httpCall) takeLocked(limit int) ([]byte, bool, error) {
	data := c.buffer
	if len(data) > limit {
		data, c.buffer = data[:limit:limit], data[limit:]
	} else {
		c.buffer = nil
	}
	c.changed.Broadcast()
	if len(c.buffer) > 0 {
		return data, false, nil
	}
	if (c.broken || c.gone) && len(data) == 0 && !c.complete {
		return nil, false, c.ended()
	}
	return data, c.complete, nil
}

// next waits for the next bytes; an empty part comes only with the end.
func (c *httpCall) next(limit int) (data []byte, end bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.buffer) == 0 && !c.complete && !c.broken && !c.gone {
		c.changed.Wait()
	}
	return c.takeLocked(limit)
}

// How it ends.

// finish says that nothing of the answer is left to read; the handler may still be busy.
func (c *httpCall) finish() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.delivered = true
	if !c.complete {
		c.left()
	}
	c.leaveIfDone()
}

// leave says that the client is gone: the handler's context ends, and what it still writes is refused.
func (c *httpCall) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left()
	c.leaveIfDone()
}

func (c *httpCall) left() {
	c.gone, c.delivered, c.buffer = true, true, nil
	c.cancel()
	c.handOver()
	c.changed.Broadcast()
}

func (c *httpCall) leaveIfDone() {
	if c.over && c.delivered {
		c.cancel()
		c.server.calls.leave(c)
	}
}

func (c *httpCall) isStream() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.events
}

// giveNotice ends an event stream in good order: clients come back by themselves, not all at once.
func (c *httpCall) giveNotice() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.noticed()
}

func (c *httpCall) noticed() {
	if c.complete || c.gone {
		return
	}
	if c.written == 0 || bytes.Equal(c.tail[:], []byte("\n\n")) {
		c.buffer = fmt.Appendf(c.buffer, "retry: %d\n\n", 500+rand.IntN(1001))
	}
	c.complete, c.gone = true, true
	c.cancel()
	c.handOver()
	c.changed.Broadcast()
}

func (c *httpCall) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken = true
	c.left()
	c.leaveIfDone()
}
