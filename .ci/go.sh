# What the tests of the Go SDK, its example and the Go template share is compiled before them: beside each other they
# would wait for one compiler, and one of them is timed. The flags are those of tests/go_programs.py.
for module in plugin_services/sdk/go plugin_services/examples/clipboard-go; do
  (cd "$module" && CGO_ENABLED=0 GOFLAGS="-mod=readonly -buildvcs=false -trimpath -tags=grpcnotrace" go test -run '^$' ./... >/dev/null)
done
