/// Addresses as messages show them, where the settings do not say plainly (`engines-details.md` 5).
enum MaskedAddress {
    /// `1.2.3.4` → `1.****.4`; of IPv6 the first and the last two fields stay.
    static func mask(_ address: String) -> String {
        let bytes = Array(address.utf8)
        let dots = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        if dots.count == 4, !bytes.contains(UInt8(ascii: ":")) {
            return "\(text(dots[0])).****.\(text(dots[3]))"
        }
        let fields = bytes.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard fields.count >= 3 else { return address }
        let (head, tail) =
            fields.count >= 4 ? (fields.prefix(2), fields.suffix(2)) : (fields.prefix(1), fields.suffix(1))
        return "\(head.map(text).joined(separator: ":")):****:\(tail.map(text).joined(separator: ":"))"
    }

    private static func text(_ bytes: some Sequence<UInt8>) -> String { String(decoding: Array(bytes), as: UTF8.self) }

    /// Both addresses of a server, those that there are.
    static func shown(_ ipv4: String, _ ipv6: String, isPlain: Bool) -> String {
        [ipv4, ipv6].filter { !$0.isEmpty }.map { isPlain ? $0 : mask($0) }.joined(separator: "/")
    }
}
