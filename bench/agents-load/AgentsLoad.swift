import ArgumentParser
import NIOCore
import NIOPosix

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

struct Options: ParsableArguments {
    @Option(help: "The gateway, as host:port.")
    var address: String

    @Option(help: "The agents' secret.")
    var secret: String

    @Option(help: "How many agents.")
    var count = 1000

    @Option(help: "How many are being opened at the same time.")
    var openingAtOnce = 64

    @Option(help: "Seconds until a lost agent comes back.")
    var reconnectDelay: Int64 = 10
}

/// A crowd of Nezha agents, as cheap as can be, so that what is measured is the gateway: one connection each, one
/// state a second each. Tells a line of JSON every second; ends when its standard input does.
@main
struct AgentsLoad: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agents-load", abstract: "Open many agents that report every second (see bench/agents).")

    @OptionGroup var options: Options

    func run() throws {
        raiseDescriptorLimit()
        let target = try address()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let (options, authority) = (options, options.address)
        try loop.submit {
            Crowd(loop: loop, target: target, authority: authority, options: options).start()
        }.wait()
        while readLine() != nil {}
        try group.syncShutdownGracefully()
    }

    private func address() throws -> SocketAddress {
        guard let colon = options.address.lastIndex(of: ":"),
            let port = Int(options.address[options.address.index(after: colon)...])
        else { throw ValidationError("--address must be host:port") }
        return try SocketAddress.makeAddressResolvingHost(String(options.address[..<colon]), port: port)
    }

    private func raiseDescriptorLimit() {
        var limit = rlimit()
        #if canImport(Glibc)
            let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
            let kind = RLIMIT_NOFILE
        #endif
        guard getrlimit(kind, &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(kind, &limit)
    }
}
