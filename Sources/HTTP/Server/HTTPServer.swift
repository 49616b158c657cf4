package import Logging
package import Transport

/// Listens, and serves everything that speaks HTTP: HTTP/1.1, HTTP/2 and WebSockets on each port.
package final class HTTPServer: Sendable {
    private let service: HTTPService
    private let http2: HTTP2ServerConfiguration
    private let group: EventLoopGroup
    private let logger: Logger
    private let connections = ServerConnections()
    private let listeners = Lock<[Listener]>([])

    /// - Parameters:
    ///   - router: answers streams of HTTP/2 that are no web requests, such as gRPC calls; `nil`: there are none.
    ///   - http2: settings and limits of HTTP/2; its entry and router are replaced by these.
    ///   - entry: answers web requests.
    package init(
        limits: ListenerLimits = ListenerLimits(), router: (any HTTP2StreamRouter)? = nil,
        http2: HTTP2ServerConfiguration? = nil, group: EventLoopGroup = .shared, logger: Logger,
        entry: @escaping HTTPEntry
    ) {
        service = HTTPService(limits: limits, entry: entry)
        var configuration = http2 ?? HTTP2ServerConfiguration(entry: entry)
        configuration.entry = entry
        configuration.router = router
        self.http2 = configuration
        self.group = group
        self.logger = logger
    }

    /// Listens on one more port.
    /// - Parameters:
    ///   - host: a name or an address; empty: all addresses of the machine.
    ///   - port: 0 for a free one.
    ///   - tls: speaks TLS with everybody.
    /// - Returns: the port.
    package func listen(host: String, port: UInt16, tls: TLSContext? = nil) async throws(ListenFailure) -> Int {
        var options = Listener.Options()
        options.book = service.book
        options.handshakeLimit = service.limits.undecided
        let (service, http2, connections) = (service, http2, connections)
        let listener = try await Listener.listen(
            host: host, port: port, tls: tls, group: group, options: options, logger: logger
        ) { transport, info, loop in
            let connection = ServerConnection(service, http2, info, over: transport, on: loop) {
                connections.remove($0)
            }
            connections.add(connection, on: loop)
            return connection
        }
        listeners.withLock { $0.append(listener) }
        return listener.port
    }

    /// How many connections are open, or are still worked for.
    package var connectionCount: Int { connections.count }

    /// Stops: accepts no more, closes idle connections, tells WebSockets and HTTP/2 clients, and lets requests finish
    /// for ``ListenerLimits/shutdownGrace``; then what is left is closed and its work cancelled, for which it waits once
    /// as long.
    package func stop() async {
        let listeners = listeners.withLock { listeners in
            defer { listeners = [] }
            return listeners
        }
        for listener in listeners { await listener.stop() }
        connections.stop()
        let grace = service.limits.shutdownGrace
        let (connections, logger) = (connections, logger)
        let impatience = Task {
            try await Task.sleep(for: grace)
            connections.closeAll()
            try await Task.sleep(for: grace)
            logger.warning("requests did not end when they were cancelled", metadata: ["count": "\(connections.count)"])
            connections.giveUp()
        }
        await connections.waitUntilNone()
        impatience.cancel()
    }
}

/// The connections of a server, on all its loops.
final class ServerConnections: Sendable {
    fileprivate struct State {
        var open: [ObjectIdentifier: LoopBound<ServerConnection>] = [:]
        var isStopping = false
        var hasGivenUp = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Lock(State())

    var count: Int { state.withLock { $0.open.count } }

    func add(_ connection: ServerConnection, on loop: isolated EventLoop) {
        let bound = LoopBound(connection, on: loop)
        let isStopping = state.withLock { state in
            state.open[ObjectIdentifier(connection)] = bound
            return state.isStopping
        }
        // Accepted just before. It is closed once it is attached to its transport.
        if isStopping { loop.perform { loop in bound.get(on: loop).stop(on: loop) } }
    }

    func remove(_ connection: ServerConnection) {
        let waiters = state.withLock { state in
            state.open[ObjectIdentifier(connection)] = nil
            return state.takeWaiters()
        }
        for waiter in waiters { waiter.resume() }
    }

    func stop() {
        forEach(marking: true) { connection, loop in connection.stop(on: loop) }
    }

    func closeAll() {
        forEach(marking: true) { connection, loop in connection.close(on: loop) }
    }

    /// Whoever waits waits no longer.
    func giveUp() {
        let waiters = state.withLock { state in
            state.hasGivenUp = true
            return state.takeWaiters()
        }
        for waiter in waiters { waiter.resume() }
    }

    func waitUntilNone() async {
        await withCheckedContinuation { continuation in
            let waiters = state.withLock { state in
                state.waiters.append(continuation)
                return state.takeWaiters()
            }
            for waiter in waiters { waiter.resume() }
        }
    }

    private func forEach(
        marking isStopping: Bool, _ body: @escaping @Sendable (ServerConnection, isolated EventLoop) -> Void
    ) {
        let all = state.withLock { state in
            state.isStopping = isStopping
            return Array(state.open.values)
        }
        for connection in all { connection.loop.perform { loop in body(connection.get(on: loop), loop) } }
    }
}

extension ServerConnections.State {
    /// Those who may go on, if there are any.
    fileprivate mutating func takeWaiters() -> [CheckedContinuation<Void, Never>] {
        guard open.isEmpty || hasGivenUp else { return [] }
        defer { waiters = [] }
        return waiters
    }
}
