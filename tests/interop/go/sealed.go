package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/crypto/nacl/box"
)

const nonceSize = 24

// boxes seals for and opens from the peers whose keys it was given (spec 9); everyone else is spoken to in plain.
type boxes struct {
	mu              sync.Mutex
	public, private *[32]byte
	theirs          map[string]*[32]byte
}

// encrypt makes a key pair on the first call and returns its public half; with peer_id and public_key it learns a peer's.
func (p *peer) encrypt(_ context.Context, r request) (any, error) {
	p.boxes.mu.Lock()
	defer p.boxes.mu.Unlock()
	if p.boxes.private == nil {
		var err error
		if p.boxes.public, p.boxes.private, err = box.GenerateKey(rand.Reader); err != nil {
			return nil, err
		}
		p.boxes.theirs = map[string]*[32]byte{}
	}
	if r.PeerID != "" {
		raw, err := base64.StdEncoding.DecodeString(r.PublicKey)
		if err != nil || len(raw) != 32 {
			return nil, errors.New("not a public key")
		}
		p.boxes.theirs[r.PeerID] = (*[32]byte)(raw)
	}
	return object{"public_key": base64.StdEncoding.EncodeToString(p.boxes.public[:])}, nil
}

// seal returns the sealed text for a peer, or false if its key is not known.
func (b *boxes) seal(peerID string, data []byte) (string, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key, known := b.theirs[peerID]
	if !known {
		return "", false
	}
	var nonce [nonceSize]byte
	_, _ = rand.Read(nonce[:])
	return base64.StdEncoding.EncodeToString(box.Seal(nonce[:], data, &nonce, key, b.private)), true
}

func (b *boxes) open(peerID, sealed string) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key, known := b.theirs[peerID]
	raw, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil || !known || len(raw) < nonceSize {
		return nil, errors.New("cannot be opened")
	}
	data, ok := box.Open(nil, raw[nonceSize:], (*[nonceSize]byte)(raw), key, b.private)
	if !ok {
		return nil, errors.New("cannot be opened")
	}
	return data, nil
}

// sealPayload wraps an MQ payload (spec 4.4) if it can.
func (b *boxes) sealPayload(peerID string, payload json.RawMessage) (json.RawMessage, error) {
	if sealed, ok := b.seal(peerID, payload); ok {
		return json.Marshal(object{"enc": sealed})
	}
	return payload, nil
}

// openPayload unwraps an MQ payload and tells whether it was sealed.
func (b *boxes) openPayload(peerID string, payload json.RawMessage) (json.RawMessage, bool) {
	var envelope map[string]string
	if json.Unmarshal(payload, &envelope) != nil || len(envelope) != 1 || envelope["enc"] == "" {
		return payload, false
	}
	data, err := b.open(peerID, envelope["enc"])
	if err != nil {
		return payload, false
	}
	return data, true
}

// sealLine turns a request line without newline into its sealed form (spec 3) if it can.
func (b *boxes) sealLine(peerID, line string) string {
	if sealed, ok := b.seal(peerID, []byte(line)); ok {
		return "ENC:" + sealed
	}
	return line
}

func (b *boxes) openLine(peerID, line string) string {
	if sealed, isSealed := strings.CutPrefix(line, "ENC:"); isSealed {
		if data, err := b.open(peerID, sealed); err == nil {
			return string(data)
		}
	}
	return line
}

// sealBody is the reply to a GET: its header line and what follows (spec 3.2).
func (b *boxes) sealBody(peerID, kind string, data []byte) (string, []byte) {
	if sealed, ok := b.seal(peerID, data); ok {
		return fmt.Sprintf("EOK %s %d\n", kind, len(sealed)), []byte(sealed)
	}
	return fmt.Sprintf("OK %s %d\n", kind, len(data)), data
}
