/// Writes header blocks as a client does that remembers what it said before (RFC 7541): a field is sent in full once
/// and by its number in the table from then on. Ten thousand agents say the same, so their blocks differ only in the
/// values that they are given.
struct HeaderBlockWriter {
    /// Newest last; the table is never full, as an agent says little.
    private var said: [(name: String, value: String)] = []

    mutating func block(_ fields: [(name: String, value: String)]) -> [UInt8] {
        var block: [UInt8] = []
        for (name, value) in fields {
            switch (name, value) {
            case (":method", "POST"): block.append(0x83)
            case (":scheme", "http"): block.append(0x86)
            default:
                if let position = said.firstIndex(where: { $0 == (name, value) }) {
                    // 61 fields of the static table come before ours; the newest of ours is the first.
                    Self.integer(61 + said.count - position, prefix: 7, flags: 0x80, into: &block)
                } else {
                    block.append(0x40)
                    Self.text(name, into: &block)
                    Self.text(value, into: &block)
                    said.append((name, value))
                }
            }
        }
        return block
    }

    private static func text(_ text: String, into block: inout [UInt8]) {
        integer(text.utf8.count, prefix: 7, flags: 0, into: &block)
        block += text.utf8
    }

    private static func integer(_ value: Int, prefix: Int, flags: UInt8, into block: inout [UInt8]) {
        let limit = 1 << prefix - 1
        guard value >= limit else { return block.append(flags | UInt8(value)) }
        block.append(flags | UInt8(limit))
        var rest = value - limit
        while rest >= 0x80 {
            block.append(UInt8(rest & 0x7f | 0x80))
            rest >>= 7
        }
        block.append(UInt8(rest))
    }
}
