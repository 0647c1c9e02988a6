package plugway

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"strings"

	"google.golang.org/grpc"

	pb "plugway.dev/sdk-go/internal/pluginv1"
)

const uiChunk = 256 << 10

// check says which file that the manifest names is not there.
func (u *UI) check() error {
	root, err := u.root()
	if err != nil {
		return err
	}
	for _, name := range append([]string{u.entry()}, u.Styles...) {
		if _, err := fs.Stat(root, name); err != nil {
			return fmt.Errorf("the UI bundle has no file %q", name)
		}
	}
	return nil
}

// send streams every file but hidden ones, in order of their paths.
func (u *UI) send(stream grpc.ServerStreamingServer[pb.GetUiResponse]) error {
	root, err := u.root()
	if err != nil {
		return err
	}
	return fs.WalkDir(root, ".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case path != "." && strings.HasPrefix(entry.Name(), "."):
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		case entry.IsDir():
			return nil
		}
		content, err := fs.ReadFile(root, path)
		if err != nil {
			return err
		}
		return sendFile(stream, path, content)
	})
}

func sendFile(stream grpc.ServerStreamingServer[pb.GetUiResponse], path string, content []byte) error {
	digest := sha256.Sum256(content)
	file := &pb.UiFile{Path: path, Size: uint64(len(content)), Sha256: digest[:]}
	if err := stream.Send(&pb.GetUiResponse{Part: &pb.GetUiResponse_File{File: file}}); err != nil {
		return err
	}
	for len(content) > 0 {
		part := content[:min(uiChunk, len(content))]
		content = content[len(part):]
		if err := stream.Send(&pb.GetUiResponse{Part: &pb.GetUiResponse_Chunk{Chunk: part}}); err != nil {
			return err
		}
	}
	return nil
}
