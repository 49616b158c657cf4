import Arguments
import Transport

/// A crowd of Nezha agents, as cheap as can be, so that what is measured is the gateway: one connection each, one
/// state a second each. Tells a line of JSON every second; ends when its standard input does.
@main
enum AgentsLoad {
    private static let address = Option<SocketAddress>(
        "--address", help: "The gateway, as an IPv4 address and a port.", isRequired: true, read: read(address:))
    private static let secret = Option("--secret", help: "The agents' secret.", isRequired: true)
    private static let count = Option<Int>("--count", help: "How many agents.", default: 1000, read: read(count:))
    private static let openingAtOnce = Option<Int>(
        "--opening-at-once", help: "How many are being opened at the same time.", default: 64, read: read(count:))
    private static let reconnectDelay = Option<Int>(
        "--reconnect-delay", help: "Seconds until a lost agent comes back.", default: 10, read: read(count:))

    static let command = Command(
        "agents-load", "Open many agents that report every second (see bench/agents).",
        options: [address.row, secret.row, count.row, openingAtOnce.row, reconnectDelay.row]
    ) { given in
        DescriptorLimit.raise()
        let options = Crowd.Options(
            target: try given.value(address), secret: try given.value(secret), count: try given.value(count),
            openingAtOnce: try given.value(openingAtOnce), reconnectDelay: try given.value(reconnectDelay))
        let loop = EventLoop()
        loop.start()
        await loop.run { loop in Crowd(options).start(on: loop) }
        while readLine() != nil {}
        await loop.stop()
    }

    static func main() async { await Program.run(command, version: "1") }

    @Sendable private static func read(address text: String) -> SocketAddress? {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        let address = SocketAddress(String(text[..<colon]), port: port)
        // The agents' own addresses are IPv4.
        return address?.textWithPort.hasPrefix("[") == true ? nil : address
    }

    @Sendable private static func read(count text: String) -> Int? { Int(text).flatMap { $0 > 0 ? $0 : nil } }
}
