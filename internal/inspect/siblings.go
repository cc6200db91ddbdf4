package inspect

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"leat.dev/leat/internal/checkpoint"
	"leat.dev/leat/internal/store"
)

// siblings finds the name of the snapshot's manifest in its store, the files that other manifests there name, and whether it is a
// job's newest checkpoint.
func (s *Snapshot) siblings(ctx context.Context) (manifest string, named map[string]bool, newest bool, err error) {
	names, err := s.Store.List(ctx, "")
	if err != nil {
		return "", nil, false, err
	}
	named, newest = map[string]bool{}, true
	folder := url.PathEscape(s.Manifest.Job) + "/manifests/"
	own := fmt.Sprintf("%s%010d.json", folder, s.Manifest.Sequence)
	for _, name := range names {
		switch {
		case name == savepointManifest:
			return name, named, false, nil
		case name == own:
			manifest = name
		case strings.HasPrefix(name, folder) && checkpointName.MatchString(name):
			newest = newest && name < own
			if err := nameFiles(ctx, s.Store, s.Manifest.Job, name, named); err != nil {
				return "", nil, false, err
			}
		}
	}
	if manifest == "" {
		return "", nil, false, fmt.Errorf("manifest %s is not there any more", own)
	}
	return manifest, named, newest, nil
}

// savepointManifest is the name of a savepoint's manifest in the savepoint's folder.
const savepointManifest = "manifest.json"

// nameFiles notes the files that a manifest names. One that can't be read is an error: what it names can't be known, and
// deleting might take it away.
func nameFiles(ctx context.Context, s store.Store, job, name string, named map[string]bool) error {
	var sequence int64
	if _, err := fmt.Sscanf(name[strings.LastIndex(name, "/")+1:], "%d.json", &sequence); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	m, err := checkpoint.Read(ctx, s, job, sequence)
	if err != nil {
		return err
	}
	for _, o := range m.Operators {
		for _, f := range o.Files {
			named[f.Name] = true
		}
	}
	return nil
}
