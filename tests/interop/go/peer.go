package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"sort"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	peerid "github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/discovery/mdns"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	"github.com/libp2p/go-libp2p/p2p/transport/websocket"
)

// peer is one libp2p host and what the tests switched on in it.
type peer struct {
	host   host.Host
	gossip *pubsub.PubSub
	mu     sync.Mutex
	topics map[string]*pubsub.Topic
	boxes  boxes
}

// start opens the host as spec 2.1 describes: TLS and then Noise, yamux alone, with a keep-alive every 5 s.
// With a tag ("goop-mdns") it looks for others on the LAN and tells them as "found".
func (p *peer) start(_ context.Context, r request) (any, error) {
	if p.host != nil {
		return nil, fmt.Errorf("already started")
	}
	key, err := loadKey(r.KeyFile)
	if err != nil {
		return nil, err
	}
	muxer := *yamux.DefaultTransport
	muxer.KeepAliveInterval = 5 * time.Second
	options := []libp2p.Option{
		libp2p.Identity(key),
		libp2p.Transport(tcp.NewTCPTransport),
		libp2p.Transport(websocket.New),
		libp2p.ListenAddrStrings(r.Listen...),
		libp2p.Muxer(yamux.ID, &muxer),
		libp2p.UserAgent("goop2-interop-go"),
	}
	for _, name := range r.Security {
		switch name {
		case "noise":
			options = append(options, libp2p.Security(noise.ID, noise.New))
		case "tls":
			options = append(options, libp2p.Security(libp2ptls.ID, libp2ptls.New))
		default:
			return nil, fmt.Errorf("unknown security %s", name)
		}
	}
	if p.host, err = libp2p.New(options...); err != nil {
		return nil, err
	}
	p.topics = map[string]*pubsub.Topic{}
	if p.gossip, err = pubsub.NewGossipSub(context.Background(), p.host); err != nil {
		return nil, err
	}
	p.host.Network().Notify(&network.NotifyBundle{
		ConnectedF:    func(_ network.Network, c network.Conn) { tell("connected", describe(c)) },
		DisconnectedF: func(_ network.Network, c network.Conn) { tell("disconnected", describe(c)) },
	})
	p.host.SetStreamHandler(mqProtocol, p.receive)
	if r.Tag != "" {
		if err := mdns.NewMdnsService(p.host, r.Tag, p).Start(); err != nil {
			return nil, err
		}
	}
	return object{"peer_id": p.host.ID().String(), "addresses": texts(p.host.Addrs())}, nil
}

// loadKey reads a key file (68 bytes for Ed25519, spec 1.1), or makes a key if path is empty.
func loadKey(path string) (crypto.PrivKey, error) {
	if path == "" {
		key, _, err := crypto.GenerateEd25519Key(rand.Reader)
		return key, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return crypto.UnmarshalPrivateKey(data)
}

func describe(c network.Conn) object {
	state := c.ConnState()
	return object{
		"peer_id": c.RemotePeer().String(), "address": c.RemoteMultiaddr().String(),
		"security": string(state.Security), "muxer": string(state.StreamMultiplexer),
		"inbound": c.Stat().Direction == network.DirInbound,
	}
}

func texts[T fmt.Stringer](items []T) []string {
	out := make([]string, 0, len(items))
	for _, item := range items {
		out = append(out, item.String())
	}
	return out
}

// dial connects to an address that ends in /p2p/<peer ID> and describes the connection.
func (p *peer) dial(ctx context.Context, r request) (any, error) {
	info, err := peerid.AddrInfoFromString(r.Address)
	if err != nil {
		return nil, err
	}
	if err := p.host.Connect(ctx, *info); err != nil {
		return nil, err
	}
	return describe(p.host.Network().ConnsToPeer(info.ID)[0]), nil
}

func (p *peer) ping(ctx context.Context, r request) (any, error) {
	id, err := peerid.Decode(r.PeerID)
	if err != nil {
		return nil, err
	}
	result := <-ping.Ping(ctx, p.host, id)
	return object{"ms": result.RTT.Seconds() * 1000}, result.Error
}

// identify tells what the peer said about itself.
func (p *peer) identify(_ context.Context, r request) (any, error) {
	id, err := peerid.Decode(r.PeerID)
	if err != nil {
		return nil, err
	}
	protocols, err := p.host.Peerstore().GetProtocols(id)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(protocols))
	for _, name := range protocols {
		names = append(names, string(name))
	}
	sort.Strings(names)
	agent, err := p.host.Peerstore().Get(id, "AgentVersion")
	return object{"protocols": names, "agent": agent}, err
}

func (p *peer) close(_ context.Context, r request) (any, error) {
	id, err := peerid.Decode(r.PeerID)
	if err != nil {
		return nil, err
	}
	return object{}, p.host.Network().ClosePeer(id)
}

// join subscribes to a gossip topic; its messages are told as "gossip".
func (p *peer) join(_ context.Context, r request) (any, error) {
	topic, err := p.topic(r.Topic)
	if err != nil {
		return nil, err
	}
	subscription, err := topic.Subscribe()
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			message, err := subscription.Next(context.Background())
			if err != nil {
				return
			}
			if message.ReceivedFrom != p.host.ID() {
				tell("gossip", object{"topic": r.Topic, "from": message.GetFrom().String(), "data": string(message.Data)})
			}
		}
	}()
	return object{}, nil
}

func (p *peer) topic(name string) (*pubsub.Topic, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if topic, known := p.topics[name]; known {
		return topic, nil
	}
	topic, err := p.gossip.Join(name)
	if err == nil {
		p.topics[name] = topic
	}
	return topic, err
}

func (p *peer) publish(ctx context.Context, r request) (any, error) {
	topic, err := p.topic(r.Topic)
	if err != nil {
		return nil, err
	}
	return object{}, topic.Publish(ctx, []byte(r.Data))
}

// subscribers lists the connected peers that subscribed to a topic.
func (p *peer) subscribers(_ context.Context, r request) (any, error) {
	topic, err := p.topic(r.Topic)
	if err != nil {
		return nil, err
	}
	return object{"peer_ids": texts(topic.ListPeers())}, nil
}

// HandlePeerFound is what the mDNS service calls.
func (p *peer) HandlePeerFound(info peerid.AddrInfo) {
	tell("found", object{"peer_id": info.ID.String(), "addresses": texts(info.Addrs)})
}
