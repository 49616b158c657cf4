import Glibc
package import Logging

/// Why nothing is listened to.
package enum ListenFailure: Error, Sendable, Hashable, CustomStringConvertible {
    case addressInUse
    case hostNotFound
    case system(SystemError)
    /// With so many descriptors no connection could be taken.
    case tooFewDescriptors(limit: Int)

    package var description: String {
        switch self {
        case .addressInUse: "the address is in use"
        case .hostNotFound: "host not found"
        case .system(let error): error.description
        case .tooFewDescriptors(let limit):
            "the limit of open files, \(limit), leaves none for connections; raise it (ulimit -n)"
        }
    }
}

/// A listening socket. It accepts on one loop and hands connections round robin to the loops of a group.
package final class Listener: Sendable {
    package struct Options: Sendable {
        /// How many connections may wait to be accepted. Long enough for all agents of a restarted gateway to come back
        /// at once; the system may have less.
        package var backlog: Int32 = 4096
        /// Descriptors that connections leave to files and to others.
        package var reservedDescriptors = 128
        /// For connections there must be room for so many at least.
        static let leastConnections = 16
        /// Counts and bounds the connections of each address and of each owner.
        package var book: ConnectionBook?
        /// For TLS handshakes.
        package var handshakeLimit = Duration.seconds(10)

        package init() {}
    }

    /// The address that is listened to, with the port that was chosen.
    package let address: SocketAddress
    package var port: Int { Int(address.port) }
    private let acceptor: LoopBound<Acceptor>

    private init(_ acceptor: Acceptor, address: SocketAddress, on loop: isolated EventLoop) {
        self.address = address
        self.acceptor = LoopBound(acceptor, on: loop)
    }

    /// Listens.
    /// - Parameters:
    ///   - host: an address or a name, as ``BindHost`` reads it.
    ///   - port: 0 for a free one.
    ///   - tls: speaks TLS with everybody, then `makeProtocol` is called after the handshake.
    ///   - makeProtocol: called on the connection's loop.
    package static func listen(
        host: String, port: UInt16, tls: TLSContext? = nil, group: EventLoopGroup = .shared,
        options: Options = Options(),
        logger: Logger, makeProtocol: @escaping ProtocolFactory
    ) async throws(ListenFailure) -> Listener {
        let socket = try await open(host: BindHost.resolve(host), port: port, backlog: options.backlog)
        // A new descriptor is the lowest that is free, so the socket's own tells how many are open.
        let limit = DescriptorLimit.current
        guard Int(socket.descriptor) + Options.leastConnections < limit - options.reservedDescriptors else {
            throw .tooFewDescriptors(limit: limit)
        }
        let loop = group.next()
        return await loop.run { loop in
            let acceptor = Acceptor(
                AcceptSource(socket), tls: tls, group: group, options: options, logger: logger,
                makeProtocol: makeProtocol,
                on: loop)
            return Listener(acceptor, address: socket.address, on: loop)
        }
    }

    /// The first address of the host that can be bound.
    private static func open(
        host: String, port: UInt16, backlog: Int32
    ) async throws(ListenFailure) -> ListeningSocket {
        let addresses: [SocketAddress]
        do {
            addresses = try await Resolver.resolve(host, port: port, limit: .seconds(30))
        } catch {
            throw .hostNotFound
        }
        var failure = ListenFailure.hostNotFound
        for address in addresses {
            do throws(SystemError) {
                return try ListeningSocket(address, backlog: backlog)
            } catch {
                failure = error.code == EADDRINUSE ? .addressInUse : .system(error)
            }
        }
        throw failure
    }

    /// Closes the listening socket, and connections whose TLS handshake is not over. All others go on.
    package func stop() async {
        await acceptor.loop.run { [acceptor] loop in acceptor.get(on: loop).close(on: loop) }
    }
}
