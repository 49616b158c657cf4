import Glibc

/// Begins to speak over accepted connections, on their loops.
final class AcceptedStart: Sendable {
    private let tls: TLSContext?
    private let handshakeLimit: Duration
    private let makeProtocol: ProtocolFactory
    /// Connections in the middle of their handshake, which nobody else knows yet.
    private let handshakes = Lock(Handshakes())

    private struct Handshakes {
        var open: [ObjectIdentifier: LoopBound<TLSTransport>] = [:]
        var isStopped = false
    }

    init(tls: TLSContext?, handshakeLimit: Duration, makeProtocol: @escaping ProtocolFactory) {
        self.tls = tls
        self.handshakeLimit = handshakeLimit
        self.makeProtocol = makeProtocol
    }

    func start(_ descriptor: Int32, _ info: ConnectionInfo, on loop: EventLoop) {
        loop.perform { loop in
            guard !loop.isStopped else {
                Glibc.close(descriptor)
                return
            }
            TCPConnection(descriptor, peer: info.peer, on: loop) { tcp in
                guard let tls = self.tls else { return self.makeProtocol(tcp, info, loop) }
                return self.shakeHands(tls, over: tcp, info, on: loop)
            }
        }
    }

    private func shakeHands(
        _ tls: TLSContext, over tcp: TCPConnection, _ info: ConnectionInfo, on loop: isolated EventLoop
    ) -> any ByteProtocol {
        let makeProtocol = makeProtocol
        let transport = TLSTransport(TLSSession(server: tls), over: tcp, limit: handshakeLimit, on: loop) {
            transport, result in
            self.handshakes.withLock { $0.open[ObjectIdentifier(transport)] = nil }
            guard case .success(let chosen) = result else { return nil }
            var info = info
            info.isSecure = true
            info.applicationProtocol = chosen
            return makeProtocol(transport, info, loop)
        }
        let bound = LoopBound(transport, on: loop)
        let isStopped = handshakes.withLock { handshakes in
            if !handshakes.isStopped { handshakes.open[ObjectIdentifier(transport)] = bound }
            return handshakes.isStopped
        }
        if isStopped { tcp.close(on: loop) }
        return transport
    }

    /// Closes connections whose handshake is not over, those to come included.
    func stop() {
        let open = handshakes.withLock { handshakes in
            handshakes.isStopped = true
            return handshakes.open
        }
        for transport in open.values {
            transport.loop.perform { loop in transport.get(on: loop).close(on: loop) }
        }
    }
}
