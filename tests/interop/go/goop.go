package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/libp2p/go-libp2p/core/network"
	peerid "github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
)

const (
	contentProtocol = "/goop/content/1.0.0"
	siteProtocol    = "/goop/site/1.0.0"
	mqProtocol      = "/goop/mq/1.0.0"
	ackWait         = 2 * time.Second
	messageWait     = 3 * time.Second
)

// message is what travels over the MQ bus, and its ack (spec 4.1).
type message struct {
	Type    string          `json:"type"`
	ID      string          `json:"id"`
	Seq     int64           `json:"seq"`
	Topic   string          `json:"topic,omitempty"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

var sequence atomic.Int64

func (p *peer) open(ctx context.Context, id string, name protocol.ID) (network.Stream, error) {
	to, err := peerid.Decode(id)
	if err != nil {
		return nil, err
	}
	stream, err := p.host.NewStream(network.WithAllowLimitedConn(ctx, "goop"), to, name)
	if err == nil {
		deadline, _ := ctx.Deadline()
		err = stream.SetDeadline(deadline)
	}
	return stream, err
}

// serve publishes a folder as spec 3.2 and a label as 3.1 say.
func (p *peer) serve(_ context.Context, r request) (any, error) {
	p.host.SetStreamHandler(contentProtocol, func(s network.Stream) {
		defer s.Close()
		_, _ = fmt.Fprintln(s, r.Label)
	})
	p.host.SetStreamHandler(siteProtocol, func(s network.Stream) {
		defer s.Close()
		p.answerGet(s, r.Folder)
	})
	return object{}, nil
}

func (p *peer) answerGet(s network.Stream, folder string) {
	from := s.Conn().RemotePeer().String()
	line, err := bufio.NewReader(s).ReadString('\n')
	if err != nil {
		return
	}
	wanted, isGet := strings.CutPrefix(p.boxes.openLine(from, strings.TrimSpace(line)), "GET ")
	if !isGet {
		_, _ = io.WriteString(s, "ERR bad request\n")
		return
	}
	if wanted == "/" {
		wanted = "/index.html"
	}
	name := strings.TrimPrefix(path.Clean(wanted), "/")
	if strings.HasPrefix(name, "..") || name == "lua" || strings.HasPrefix(name, "lua/") {
		_, _ = io.WriteString(s, "ERR forbidden\n")
		return
	}
	data, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		_, _ = io.WriteString(s, "ERR not found\n")
		return
	}
	kind := mime.TypeByExtension(filepath.Ext(name))
	if kind == "" {
		kind = http.DetectContentType(data)
	}
	header, body := p.boxes.sealBody(from, kind, data)
	if _, err := io.WriteString(s, header); err == nil {
		_, _ = s.Write(body)
	}
}

// label reads a peer's name.
func (p *peer) label(ctx context.Context, r request) (any, error) {
	stream, err := p.open(ctx, r.PeerID, contentProtocol)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	line, err := bufio.NewReader(stream).ReadString('\n')
	if err == io.EOF {
		err = nil // spec 3.1: a missing newline is tolerated
	}
	return object{"label": strings.TrimSpace(line)}, err
}

// fetch gets a file of a peer's site, and returns its reply header, MIME type, size and SHA-256.
func (p *peer) fetch(ctx context.Context, r request) (any, error) {
	stream, err := p.open(ctx, r.PeerID, siteProtocol)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	line := p.boxes.sealLine(r.PeerID, "GET "+r.Path)
	if _, err := fmt.Fprintln(stream, line); err != nil {
		return nil, err
	}
	reader := bufio.NewReader(stream)
	if line, err = reader.ReadString('\n'); err != nil {
		return nil, fmt.Errorf("reading the reply header: %w", err)
	}
	header := strings.TrimSpace(line)
	keyword, rest, _ := strings.Cut(header, " ")
	last := strings.LastIndex(rest, " ")
	if (keyword != "OK" && keyword != "EOK") || last < 0 {
		return object{"header": header}, nil
	}
	size, err := strconv.ParseInt(rest[last+1:], 10, 64)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(reader)
	if err != nil {
		return nil, fmt.Errorf("reading the body: %w", err)
	}
	if int64(len(body)) != size {
		return nil, fmt.Errorf("%d bytes came after %q", len(body), header)
	}
	if keyword == "EOK" {
		if body, err = p.boxes.open(r.PeerID, string(body)); err != nil {
			return nil, err
		}
	}
	digest := sha256.Sum256(body)
	return object{
		"header": header, "mime": rest[:last], "size": len(body), "sha256": hex.EncodeToString(digest[:]),
		"sealed": keyword == "EOK",
	}, nil
}

// send puts one MQ message on a stream of its own and returns the ack (spec 4.2, without the retry).
func (p *peer) send(ctx context.Context, r request) (any, error) {
	stream, err := p.open(ctx, r.PeerID, mqProtocol)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	payload, err := p.boxes.sealPayload(r.PeerID, r.Payload)
	if err != nil {
		return nil, err
	}
	out := message{"msg", uuid.NewString(), sequence.Add(1), r.Topic, payload}
	if err := json.NewEncoder(stream).Encode(out); err != nil {
		return nil, err
	}
	if err := stream.SetReadDeadline(time.Now().Add(ackWait)); err != nil {
		return nil, err
	}
	var ack message
	if err := json.NewDecoder(stream).Decode(&ack); err != nil {
		return nil, fmt.Errorf("reading the ack: %w", err)
	}
	return object{"sent": out, "ack": ack}, nil
}

// receive acks an MQ message at once and tells it as "message" (spec 4.3).
func (p *peer) receive(s network.Stream) {
	defer s.Close()
	if err := s.SetReadDeadline(time.Now().Add(messageWait)); err != nil {
		return
	}
	var in message
	if err := json.NewDecoder(s).Decode(&in); err != nil {
		return
	}
	if err := json.NewEncoder(s).Encode(message{Type: "ack", ID: in.ID, Seq: in.Seq}); err != nil {
		return
	}
	from, sealed := s.Conn().RemotePeer().String(), false
	in.Payload, sealed = p.boxes.openPayload(from, in.Payload)
	tell("message", object{"from": from, "message": in, "sealed": sealed})
}
