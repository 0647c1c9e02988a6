package plugway

import (
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"
)

const metricsType = "application/openmetrics-text; version=1.0.0; charset=utf-8"

// Upper ends of the buckets, in seconds; the last bucket has none.
var bounds = []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}

// callStats is what the SDK counts by itself: calls by the hundred of their status (0: the client left first)
// and by time.
type callStats struct {
	mu      sync.Mutex
	classes [6]uint64
	buckets []uint64
	seconds float64
}

func newCallStats() *callStats { return &callStats{buckets: make([]uint64, len(bounds)+1)} }

func (s *callStats) observe(status int, took time.Duration) {
	seconds := took.Seconds()
	at := 0
	for at < len(bounds) && seconds > bounds[at] {
		at++
	}
	class := status / 100
	if class >= len(s.classes) {
		class = 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.classes[class]++
	s.buckets[at]++
	s.seconds += seconds
}

func (s *callStats) write(to io.Writer, open int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprint(to, "# TYPE plugway_plugin_calls counter\n",
		"# HELP plugway_plugin_calls HTTP calls answered; class 0xx: the client left first.\n")
	for class, count := range s.classes {
		if count > 0 {
			fmt.Fprintf(to, "plugway_plugin_calls_total{class=\"%dxx\"} %d\n", class, count)
		}
	}
	fmt.Fprint(to, "# TYPE plugway_plugin_call_seconds histogram\n",
		"# HELP plugway_plugin_call_seconds Time the handler took for an HTTP call that is no event stream.\n")
	var sum uint64
	for n, count := range s.buckets {
		sum += count
		bound := "+Inf"
		if n < len(bounds) {
			bound = strconv.FormatFloat(bounds[n], 'f', -1, 64)
		}
		fmt.Fprintf(to, "plugway_plugin_call_seconds_bucket{le=%q} %d\n", bound, sum)
	}
	fmt.Fprintf(to, "plugway_plugin_call_seconds_count %d\nplugway_plugin_call_seconds_sum %g\n", sum, s.seconds)
	fmt.Fprintf(to, "# TYPE plugway_plugin_open_calls gauge\n"+
		"# HELP plugway_plugin_open_calls HTTP calls and WebSockets open now.\nplugway_plugin_open_calls %d\n", open)
}
