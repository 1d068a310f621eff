package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"os"

	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/util/keyutil"
)

// writeKey makes a P-256 key; the API server reads both halves from one file.
func writeKey(file string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	pem, err := keyutil.MarshalPrivateKeyToPEM(key)
	if err != nil {
		return err
	}
	return os.WriteFile(file, pem, 0o600)
}

// toJSON reads documents as Kubernetes does; those with nothing in them are left out.
func toJSON(from io.Reader, to io.Writer) error {
	documents := []json.RawMessage{}
	reader := yaml.NewYAMLReader(bufio.NewReader(from))
	for {
		text, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return json.NewEncoder(to).Encode(documents)
		}
		if err != nil {
			return err
		}
		document, err := yaml.ToJSON(text)
		if err != nil {
			return err
		}
		if string(document) != "null" {
			documents = append(documents, document)
		}
	}
}
