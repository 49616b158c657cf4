import Glibc
import Primitives

/// Connects to a host.
package enum Connector {
    /// Makes what is spoken over a new connection, first, and what is told to whoever connects.
    package typealias Begin<Success> =
        @Sendable (any ByteTransport, ConnectionInfo, isolated EventLoop) -> (any ByteProtocol, Success)

    /// Looks the host up, tries all its addresses, shakes hands.
    /// - Parameters:
    ///   - host: a name, or an address without brackets.
    ///   - tls: speaks TLS, with the host's name or address in the server's certificate unless the context says
    ///     otherwise.
    ///   - limit: for all of it.
    ///   - loop: where the connection lives.
    ///   - begin: called on the loop when there is a connection.
    /// - Throws: ``ConnectError``; a cancelled task's attempts end.
    package static func connect<Success: Sendable>(
        host: String, port: UInt16, tls: TLSContext? = nil, limit: Duration, on loop: EventLoop,
        _ begin: @escaping Begin<Success>
    ) async throws(ConnectError) -> Success {
        let start = ContinuousClock.now
        let addresses = try await Resolver.resolve(host, port: port, limit: limit)
        let left = limit - (ContinuousClock.now - start)
        guard left > .zero else { throw .timeout }
        let outcome = OneShot<Result<Success, ConnectError>>()
        let dial = await loop.run { loop in
            let dial = Dial(host: host, tls: tls, outcome: outcome, begin)
            dial.start(addresses, limit: left, on: loop)
            return LoopBound(dial, on: loop)
        }
        let result = await outcome.wait(cancelled: .failure(.cancelled))
        if case .failure = result {
            await loop.run { loop in dial.get(on: loop).abandon(on: loop) }
        }
        return try result.get()
    }
}

/// The loop's side of one ``Connector/connect(host:port:tls:limit:on:_:)``.
private final class Dial<Success: Sendable> {
    private let host: String
    private let tls: TLSContext?
    private let outcome: OneShot<Result<Success, ConnectError>>
    private let begin: Connector.Begin<Success>
    private var race: ConnectRace?
    private var handshake: TLSTransport?
    private var timer: EventLoop.Timer?
    private var isOver = false

    init(
        host: String, tls: TLSContext?, outcome: OneShot<Result<Success, ConnectError>>,
        _ begin: @escaping Connector.Begin<Success>
    ) {
        self.host = host
        self.tls = tls
        self.outcome = outcome
        self.begin = begin
    }

    func start(_ addresses: [SocketAddress], limit: Duration, on loop: isolated EventLoop) {
        guard !loop.isStopped else {
            end(.failure(.cancelled), on: loop)
            return
        }
        timer = loop.schedule(after: limit.timerMilliseconds) { self.expire(on: loop) }
        let race = ConnectRace(addresses) { result in
            self.race = nil
            switch result {
            case .success(let descriptor): self.connected(descriptor, limit: limit, on: loop)
            case .failure(let error): self.end(.failure(.system(error)), on: loop)
            }
        }
        self.race = race
        race.tryNext(on: loop)
    }

    private func connected(_ descriptor: Int32, limit: Duration, on loop: isolated EventLoop) {
        TCPConnection(descriptor, on: loop) { tcp in
            let info = ConnectionInfo(peer: tcp.peer)
            guard let tls else { return self.begin(over: tcp, info, on: loop) }
            let transport = TLSTransport(TLSSession(client: tls, host: host), over: tcp, limit: limit, on: loop) {
                transport, result in
                self.handshake = nil
                switch result {
                case .failure(let failure):
                    self.end(.failure(.tls(failure)), on: loop)
                    return nil
                case .success(let chosen):
                    guard !self.isOver else { return nil }
                    var info = info
                    info.isSecure = true
                    info.applicationProtocol = chosen
                    return self.begin(over: transport, info, on: loop)
                }
            }
            handshake = transport
            return transport
        }
    }

    private func begin(
        over transport: any ByteTransport, _ info: ConnectionInfo, on loop: isolated EventLoop
    ) -> any ByteProtocol {
        let (speaker, result) = begin(transport, info, loop)
        // The task may have been cancelled meanwhile: then nobody has the connection.
        if !end(.success(result), on: loop) { transport.close(on: loop) }
        return speaker
    }

    private func expire(on loop: isolated EventLoop) {
        end(.failure(.timeout), on: loop)
        abandon(on: loop)
    }

    /// - Returns: whether it was in time.
    @discardableResult
    private func end(_ result: Result<Success, ConnectError>, on loop: isolated EventLoop) -> Bool {
        guard !isOver else { return false }
        isOver = true
        if let timer { loop.cancel(timer) }
        timer = nil
        return outcome.set(result)
    }

    /// Nobody waits any more.
    func abandon(on loop: isolated EventLoop) {
        end(.failure(.cancelled), on: loop)
        race?.cancel(on: loop)
        race = nil
        handshake?.close(on: loop)
        handshake = nil
    }
}
