package plugway

import (
	"sync"
	"time"
)

// openCall is one HTTP call or WebSocket, from its head to its last byte.
type openCall interface {
	isStream() bool // without an end of its own: an event stream or a WebSocket
	giveNotice()    // the plugin drains: end in good order, soon
	cut()           // end now
}

// calls are all open ones of a server. A call leaves when nothing of it is left: handler over, answer delivered.
type calls struct {
	mu       sync.Mutex
	open     map[openCall]struct{}
	draining bool
	changed  chan struct{} // closed, and made anew, as one leaves
}

func newCalls() *calls {
	return &calls{open: map[openCall]struct{}{}, changed: make(chan struct{})}
}

// enter is false while the plugin drains.
func (c *calls) enter(call openCall) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.draining {
		return false
	}
	c.open[call] = struct{}{}
	return true
}

func (c *calls) leave(call openCall) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, there := c.open[call]; !there {
		return
	}
	delete(c.open, call)
	if c.draining {
		close(c.changed)
		c.changed = make(chan struct{})
	}
}

func (c *calls) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open)
}

func (c *calls) isDraining() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.draining
}

// drain takes no new calls, waits for those that run and cuts the rest. It may be called again.
func (c *calls) drain(deadline, streamDeadline time.Duration) (finished, cut int) {
	c.mu.Lock()
	c.draining = true
	running := make([]openCall, 0, len(c.open))
	for call := range c.open {
		running = append(running, call)
	}
	c.mu.Unlock()
	var plain, streams []openCall
	for _, call := range running {
		if call.isStream() {
			streams = append(streams, call)
			call.giveNotice()
		} else {
			plain = append(plain, call)
		}
	}
	cutStreams := make(chan int)
	go func() { cutStreams <- c.end(streams, streamDeadline) }()
	cut = c.end(plain, deadline) + <-cutStreams
	return len(running) - cut, cut
}

// end waits for these and returns how many it had to cut.
func (c *calls) end(some []openCall, within time.Duration) int {
	timer := time.NewTimer(within)
	defer timer.Stop()
	for {
		left, changed := c.still(some)
		if len(left) == 0 {
			return 0
		}
		select {
		case <-changed:
		case <-timer.C:
			left, _ = c.still(some)
			for _, call := range left {
				call.cut()
			}
			return len(left)
		}
	}
}

func (c *calls) still(some []openCall) ([]openCall, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var left []openCall
	for _, call := range some {
		if _, there := c.open[call]; there {
			left = append(left, call)
		}
	}
	return left, c.changed
}
