// Command interop is a go-libp2p peer that tests drive by JSON lines.
//
// Each line on stdin is a request {"id": n, "op": "...", ...}; each gets one line on stdout, {"id": n, "result": ...} or
// {"id": n, "error": "..."}. What happens by itself is reported as {"event": "...", ...}. The js-libp2p counterpart
// speaks the same language. The program ends with its stdin.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"
)

const (
	longestLine = 16 << 20
	opTimeout   = 20 * time.Second
)

// request has the fields of every op; each op reads its own.
type request struct {
	ID        int             `json:"id"`
	Op        string          `json:"op"`
	KeyFile   string          `json:"key_file"`
	Listen    []string        `json:"listen"`
	Security  []string        `json:"security"`
	Address   string          `json:"address"`
	PeerID    string          `json:"peer_id"`
	Path      string          `json:"path"`
	Folder    string          `json:"folder"`
	Label     string          `json:"label"`
	Topic     string          `json:"topic"`
	Payload   json.RawMessage `json:"payload"`
	Data      string          `json:"data"`
	Tag       string          `json:"tag"`
	PublicKey string          `json:"public_key"`
}

type object = map[string]any

var output = struct {
	sync.Mutex
	*json.Encoder
}{Encoder: json.NewEncoder(os.Stdout)}

func say(line object) {
	output.Lock()
	defer output.Unlock()
	if err := output.Encode(line); err != nil {
		os.Exit(1) // whoever started this program is gone
	}
}

func tell(event string, fields object) {
	fields["event"] = event
	say(fields)
}

func main() {
	p := &peer{}
	ops := map[string]func(context.Context, request) (any, error){
		"start": p.start, "dial": p.dial, "ping": p.ping, "identify": p.identify, "close": p.close,
		"serve": p.serve, "label": p.label, "fetch": p.fetch, "send": p.send,
		"join": p.join, "publish": p.publish, "subscribers": p.subscribers, "encrypt": p.encrypt,
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, longestLine)
	for lines.Scan() {
		var r request
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			fmt.Fprintln(os.Stderr, "not a request:", err)
			os.Exit(2)
		}
		answer := func() {
			ctx, cancel := context.WithTimeout(context.Background(), opTimeout)
			defer cancel()
			op, known := ops[r.Op]
			if !known {
				say(object{"id": r.ID, "error": "unknown op " + r.Op})
			} else if result, err := op(ctx, r); err != nil {
				say(object{"id": r.ID, "error": err.Error()})
			} else {
				say(object{"id": r.ID, "result": result})
			}
		}
		if r.Op == "start" {
			answer() // everything else needs the host
		} else {
			go answer()
		}
	}
}
