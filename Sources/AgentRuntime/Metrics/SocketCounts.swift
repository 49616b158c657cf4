/// Sockets in use, IPv4 and IPv6, from `/proc/net/sockstat` and `sockstat6`: two short files however many
/// connections there are.
struct SocketCounts: Sendable, Equatable {
    var tcp: UInt64 = 0
    var udp: UInt64 = 0

    init(sockstat: String, sockstat6: String) {
        let lines = sockstat.lines + sockstat6.lines
        for line in lines {
            let words = line.words
            guard let protocolName = words.first else { continue }
            switch protocolName {
            // The kernel counts connections in TIME_WAIT of both families together, in the first file.
            case "TCP:": tcp += Self.value(of: "inuse", in: words) + Self.value(of: "tw", in: words)
            case "TCP6:": tcp += Self.value(of: "inuse", in: words)
            case "UDP:", "UDPLITE:", "UDP6:", "UDPLITE6:": udp += Self.value(of: "inuse", in: words)
            default: break
            }
        }
    }

    private static func value(of name: Substring, in words: [Substring]) -> UInt64 {
        guard let index = words.firstIndex(of: name), index + 1 < words.count else { return 0 }
        return UInt64(words[index + 1]) ?? 0
    }
}
