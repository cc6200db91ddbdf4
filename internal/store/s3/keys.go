package s3

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"
)

// keys finds credentials where Amazon's tools do: in the environment, in the profiles of ~/.aws, or from the machine's role. A client
// calls it for one request at a time.
type keys struct {
	credentials.Chain
	found atomic.Bool
}

// roleTimeout bounds the question for a role, which nobody answers on a machine that has none.
const roleTimeout = 5 * time.Second

func newKeys(profile string) *keys {
	file := &credentials.FileAWSCredentials{Profile: profile}
	if profile != "" {
		return &keys{Chain: credentials.Chain{Providers: []credentials.Provider{file}}}
	}
	role := &credentials.IAM{Client: &http.Client{Timeout: roleTimeout}}
	return &keys{Chain: credentials.Chain{Providers: []credentials.Provider{&credentials.EnvAWS{}, file, role}}}
}

// RetrieveWithCredContext finds credentials. Without any, nothing is asked for: who forgot them should be told so.
func (k *keys) RetrieveWithCredContext(cc *credentials.CredContext) (credentials.Value, error) {
	v, err := k.Chain.RetrieveWithCredContext(cc)
	return k.some(v, err)
}

// Retrieve does the same.
func (k *keys) Retrieve() (credentials.Value, error) {
	v, err := k.Chain.RetrieveWithCredContext(&credentials.CredContext{Client: http.DefaultClient})
	return k.some(v, err)
}

// some refuses no credentials: for good, unless there have been some, which can't be renewed at the moment.
func (k *keys) some(v credentials.Value, err error) (credentials.Value, error) {
	switch {
	case err != nil || v.AccessKeyID != "" && v.SecretAccessKey != "":
		k.found.Store(err == nil)
		return v, err
	case k.found.Load():
		return credentials.Value{}, errNoKeys
	}
	return credentials.Value{}, fmt.Errorf("%w: %w", errFinal, errNoKeys)
}
