import Glibc

/// An IPv4 or IPv6 address with a port.
package struct SocketAddress: Sendable, Hashable {
    /// Most significant half first; an IPv4 address is the last 32 bits of its mapped form.
    private let high: UInt64
    private let low: UInt64
    /// The interface of a link-local address; 0 for none.
    private let zone: UInt32
    /// Also for an IPv4-mapped one (`::ffff:192.0.2.1`), whose ``text`` is that of IPv4.
    package let isIPv6: Bool
    package let port: UInt16

    /// Reads what an address text says; no name is looked up.
    /// - Parameter text: such as `192.0.2.1` or `2001:db8::1`, without brackets and zone.
    package init?(_ text: String, port: UInt16) {
        var v4 = in_addr()
        if unsafe inet_pton(AF_INET, text, &v4) == 1 {
            self.init(v4: v4, port: port)
            return
        }
        var v6 = sockaddr_in6()
        guard unsafe inet_pton(AF_INET6, text, &v6.sin6_addr) == 1 else { return nil }
        v6.sin6_port = port.bigEndian
        self.init(v6)
    }

    private init(v4 address: in_addr, port: UInt16) {
        high = 0
        low = 0xffff << 32 | UInt64(UInt32(bigEndian: address.s_addr))
        zone = 0
        isIPv6 = false
        self.port = port
    }

    private init(_ address: sockaddr_in6) {
        (high, low) = unsafe withUnsafeBytes(of: address.sin6_addr) { bytes in
            (
                UInt64(bigEndian: unsafe bytes.loadUnaligned(as: UInt64.self)),
                UInt64(bigEndian: unsafe bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            )
        }
        zone = address.sin6_scope_id
        isIPv6 = true
        port = UInt16(bigEndian: address.sin6_port)
    }

    /// - Parameter bytes: a `sockaddr` of any family; `nil` comes for one that is no internet address.
    package init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= MemoryLayout<sa_family_t>.size else { return nil }
        switch unsafe Int32(bytes.loadUnaligned(as: sa_family_t.self)) {
        case AF_INET where bytes.count >= MemoryLayout<sockaddr_in>.size:
            let address = unsafe bytes.loadUnaligned(as: sockaddr_in.self)
            self.init(v4: address.sin_addr, port: UInt16(bigEndian: address.sin_port))
        case AF_INET6 where bytes.count >= MemoryLayout<sockaddr_in6>.size:
            unsafe self.init(bytes.loadUnaligned(as: sockaddr_in6.self))
        default: return nil
        }
    }

    // MARK: Texts

    private var isMapped: Bool { high == 0 && low >> 32 == 0xffff }

    /// The address without port, an IPv4-mapped one as IPv4, without its zone: rate limits, allow-lists and audit compare
    /// these texts.
    package var text: String {
        var text = [UInt8](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let room = socklen_t(text.count)
        let (family, bytes): (Int32, [UInt8]) =
            isMapped ? (AF_INET, Array(self.bytes.suffix(4))) : (AF_INET6, self.bytes)
        unsafe text.withUnsafeMutableBytes { text in
            _ = unsafe inet_ntop(family, bytes, text.baseAddress!.assumingMemoryBound(to: CChar.self), room)
        }
        return String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
    }

    /// Such as `192.0.2.1:80` or `[2001:db8::1]:80`.
    package var textWithPort: String { isMapped ? "\(text):\(port)" : "[\(text)]:\(port)" }

    /// All 16, in network order; an IPv4 address is the last four of its mapped form.
    package var bytes: [UInt8] {
        unsafe withUnsafeBytes(of: (high.bigEndian, low.bigEndian)) { unsafe Array($0) }
    }

    /// Whoever has one address of an IPv6 network has all 2^64 of it, so they count as one.
    var network: Network { Network(high: high, low: isMapped ? low : 0) }

    struct Network: Hashable, Sendable {
        fileprivate let high: UInt64
        fileprivate let low: UInt64
    }

    // MARK: Sockets

    var family: Int32 { isIPv6 ? AF_INET6 : AF_INET }

    /// - Parameter body: gets a `sockaddr` of the address.
    func withSocketAddress<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        guard isIPv6 else {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = UInt32(truncatingIfNeeded: low).bigEndian
            return unsafe Self.lend(&address, body)
        }
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = port.bigEndian
        address.sin6_scope_id = zone
        let bytes = bytes
        unsafe withUnsafeMutableBytes(of: &address.sin6_addr) { unsafe $0.copyBytes(from: bytes) }
        return unsafe Self.lend(&address, body)
    }

    private static func lend<Address, Result>(
        _ address: inout Address, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        unsafe withUnsafeBytes(of: &address) { bytes in
            unsafe body(bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
        }
    }

    /// The address of this end of a socket; `nil` when it has none.
    static func local(of descriptor: Int32) -> SocketAddress? {
        unsafe read { unsafe getsockname(descriptor, $0, $1) }
    }

    /// The address of the other end; `nil` when it is not connected, or no internet socket.
    static func peer(of descriptor: Int32) -> SocketAddress? {
        unsafe read { unsafe getpeername(descriptor, $0, $1) }
    }

    /// - Parameter call: fills a `sockaddr`; 0 tells that it has.
    static func read(
        _ call: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
    ) -> SocketAddress? {
        var storage = sockaddr_storage()
        return unsafe withUnsafeMutableBytes(of: &storage) { bytes in
            var count = socklen_t(bytes.count)
            let address = unsafe bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self)
            guard unsafe call(address, &count) == 0 else { return nil }
            return unsafe SocketAddress(UnsafeRawBufferPointer(rebasing: bytes.prefix(Int(count))))
        }
    }
}
