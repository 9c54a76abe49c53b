// A js-libp2p peer that tests drive by JSON lines, in the language that ../go/main.go describes.
import './node20.mjs'
import { createHash, randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { extname, join, posix } from 'node:path'
import { createInterface } from 'node:readline'

import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { generateKeyPair, privateKeyFromProtobuf } from '@libp2p/crypto/keys'
import { gossipsub } from '@libp2p/gossipsub'
import { identify, identifyPush } from '@libp2p/identify'
import { mdns } from '@libp2p/mdns'
import { peerIdFromString } from '@libp2p/peer-id'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { webSockets } from '@libp2p/websockets'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'

const CONTENT = '/goop/content/1.0.0'
const SITE = '/goop/site/1.0.0'
const MQ = '/goop/mq/1.0.0'
const OP_MS = 20_000
const ACK_MS = 2_000
const MESSAGE_MS = 3_000
const QUERY_MS = 2_000
const MIME = { '.html': 'text/html; charset=utf-8', '.css': 'text/css; charset=utf-8', '.png': 'image/png' }

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`)
const tell = (event, fields) => say({ event, ...fields })
const bytes = (text) => new TextEncoder().encode(text)
const text = (data) => new TextDecoder().decode(data)

let node
let sequence = 0

const describe = (connection) => ({
  peer_id: connection.remotePeer.toString(),
  address: connection.remoteAddr.toString(),
  security: connection.encryption,
  muxer: connection.multiplexer,
  inbound: connection.direction === 'inbound'
})

/** Bytes of a stream, asked for by line or to its end. */
class Reader {
  #chunks
  #rest = Buffer.alloc(0)

  constructor (stream) {
    this.#chunks = stream[Symbol.asyncIterator]()
  }

  async chunk () {
    if (this.#rest.length > 0) {
      const rest = this.#rest
      this.#rest = Buffer.alloc(0)
      return rest
    }
    const { done, value } = await this.#chunks.next()
    return done ? null : Buffer.from(value.subarray())
  }

  /** One line without its newline; what there was if the stream ends before, null if that is nothing. */
  async line () {
    let line = Buffer.alloc(0)
    for (let end = -1; end < 0;) {
      const chunk = await this.chunk()
      if (chunk === null) return line.length > 0 ? text(line) : null
      line = Buffer.concat([line, chunk])
      end = line.indexOf('\n')
      if (end >= 0) {
        this.#rest = line.subarray(end + 1)
        line = line.subarray(0, end)
      }
    }
    return text(line)
  }
}

async function write (stream, data) {
  for (let at = 0; at < data.length; at += 65536) {
    if (!stream.send(data.subarray(at, at + 65536))) await stream.onDrain()
  }
}

function open (peerId, protocol) {
  return node.dialProtocol(peerIdFromString(peerId), protocol, {
    signal: AbortSignal.timeout(OP_MS), runOnLimitedConnection: true
  })
}

function within (ms, what, promise) {
  let timer
  const late = new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing within ${ms} ms`)), ms)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

/** A handler whose failure ends its stream and nothing else. */
function serving (handler) {
  return async (stream, connection) => {
    try {
      await handler(stream, connection)
      await stream.close()
    } catch (error) {
      stream.abort(error)
    }
  }
}

/** Acks an MQ message at once and tells it as "message" (spec 4.3). */
async function receive (stream, connection) {
  const message = JSON.parse(await within(MESSAGE_MS, 'an MQ message', new Reader(stream).line()))
  await write(stream, bytes(`${JSON.stringify({ type: 'ack', id: message.id, seq: message.seq })}\n`))
  tell('message', { from: connection.remotePeer.toString(), message, sealed: false })
}

async function answerGet (stream, folder) {
  const line = (await new Reader(stream).line()) ?? ''
  if (!line.startsWith('GET ')) return await write(stream, bytes('ERR bad request\n'))
  const wanted = line.slice(4).trim()
  const name = posix.normalize(wanted === '/' ? '/index.html' : wanted).replace(/^\//, '')
  if (name.startsWith('..') || name === 'lua' || name.startsWith('lua/')) {
    return await write(stream, bytes('ERR forbidden\n'))
  }
  let data
  try {
    data = await readFile(join(folder, name))
  } catch {
    return await write(stream, bytes('ERR not found\n'))
  }
  const kind = MIME[extname(name)] ?? 'application/octet-stream'
  await write(stream, bytes(`OK ${kind} ${data.length}\n`))
  await write(stream, data)
}

const ops = {
  async start ({ key_file: keyFile, listen = [], security = ['noise'], tag = '' }) {
    const encrypters = { noise: noise(), tls: tls() }
    node = await createLibp2p({
      privateKey: keyFile ? privateKeyFromProtobuf(await readFile(keyFile)) : await generateKeyPair('Ed25519'),
      addresses: { listen },
      transports: [tcp(), webSockets()],
      connectionEncrypters: security.map((name) => encrypters[name]),
      streamMuxers: [yamux()],
      connectionGater: { denyDialMultiaddr: () => false }, // private addresses are what a LAN has
      peerDiscovery: tag ? [mdns({ serviceTag: `${tag}.local`, interval: QUERY_MS })] : [],
      services: {
        identify: identify({ agentVersion: 'goop2-interop-js' }),
        identifyPush: identifyPush(),
        ping: ping(),
        pubsub: gossipsub({ allowPublishToZeroTopicPeers: true, emitSelf: false })
      },
      start: false
    })
    node.addEventListener('connection:open', (e) => tell('connected', describe(e.detail)))
    node.addEventListener('connection:close', (e) => tell('disconnected', describe(e.detail)))
    node.addEventListener('peer:discovery', (e) => tell('found', {
      peer_id: e.detail.id.toString(), addresses: e.detail.multiaddrs.map(String)
    }))
    node.services.pubsub.addEventListener('message', ({ detail }) => tell('gossip', {
      topic: detail.topic, from: detail.from?.toString(), data: text(detail.data)
    }))
    await node.start()
    await node.handle(MQ, serving(receive), { runOnLimitedConnection: true })
    return { peer_id: node.peerId.toString(), addresses: node.getMultiaddrs().map((a) => a.decapsulate('/p2p').toString()) }
  },

  async dial ({ address }) {
    return describe(await node.dial(multiaddr(address), { signal: AbortSignal.timeout(OP_MS) }))
  },

  async ping ({ peer_id: peerId }) {
    return { ms: await node.services.ping.ping(peerIdFromString(peerId), { signal: AbortSignal.timeout(OP_MS) }) }
  },

  async identify ({ peer_id: peerId }) {
    const { protocols, metadata } = await node.peerStore.get(peerIdFromString(peerId))
    return { protocols: [...protocols].sort(), agent: text(metadata.get('AgentVersion') ?? new Uint8Array()) }
  },

  async close ({ peer_id: peerId }) {
    await node.hangUp(peerIdFromString(peerId))
    return {}
  },

  async serve ({ folder, label }) {
    await node.handle(CONTENT, serving((stream) => write(stream, bytes(`${label}\n`))), { runOnLimitedConnection: true })
    await node.handle(SITE, serving((stream) => answerGet(stream, folder)), { runOnLimitedConnection: true })
    return {}
  },

  async label ({ peer_id: peerId }) {
    const stream = await open(peerId, CONTENT)
    const line = await within(OP_MS, 'the label', new Reader(stream).line())
    await stream.close()
    return { label: (line ?? '').trim() }
  },

  async fetch ({ peer_id: peerId, path }) {
    const stream = await open(peerId, SITE)
    await write(stream, bytes(`GET ${path}\n`))
    const reader = new Reader(stream)
    const header = ((await within(OP_MS, 'the reply header', reader.line())) ?? '').trim()
    const match = /^OK (.*) (\d+)$/.exec(header)
    if (match === null) {
      await stream.close()
      return { header }
    }
    const hash = createHash('sha256')
    let got = 0
    for (let chunk; (chunk = await within(OP_MS, 'the body', reader.chunk())) !== null;) {
      hash.update(chunk)
      got += chunk.length
    }
    await stream.close()
    if (got !== Number(match[2])) throw new Error(`${got} bytes came after ${header}`)
    return { header, mime: match[1], size: got, sha256: hash.digest('hex'), sealed: false }
  },

  async send ({ peer_id: peerId, topic, payload }) {
    const stream = await open(peerId, MQ)
    const sent = { type: 'msg', id: randomUUID(), seq: ++sequence, topic, payload: payload ?? null }
    await write(stream, bytes(`${JSON.stringify(sent)}\n`))
    const ack = JSON.parse(await within(ACK_MS, 'the ack', new Reader(stream).line()))
    await stream.close()
    return { sent, ack }
  },

  async join ({ topic }) {
    node.services.pubsub.subscribe(topic)
    return {}
  },

  async publish ({ topic, data }) {
    await node.services.pubsub.publish(topic, bytes(data))
    return {}
  },

  async subscribers ({ topic }) {
    return { peer_ids: node.services.pubsub.getSubscribers(topic).map(String) }
  }
}

const lines = createInterface({ input: process.stdin })
lines.on('close', () => process.exit(0))
lines.on('line', async (line) => {
  const { id, op, ...args } = JSON.parse(line)
  try {
    if (!Object.hasOwn(ops, op)) throw new Error(`unknown op ${op}`)
    say({ id, result: await ops[op](args) })
  } catch (error) {
    say({ id, error: `${error.name}: ${error.message}` })
  }
})
