import Testing

@testable import YAML

@Suite("Damaged YAML")
struct YAMLDamageTests {
    private static let good = """
        # comment
        site_name: "Ours \\u00e9" # more
        https: {listen_port: 8443, tls_cert_path: '/x'}
        list:
        - &a [1, 2, {x: y}]
        - *a
        - ? complex
          : |2-
             literal
        tagged: !!str 1
        other: !<tag:x> >+
          folded

          text
        ~: null
        --- # not here

        """

    /// What a node says, without how it was written.
    private func meaning(_ node: YAMLNode) -> [[UInt8]] {
        switch node {
        // What is left empty may be written as null.
        case .scalar(let scalar): [scalar.style == .plain && node.isNull ? [0] : Array(scalar.string.utf8)]
        case .sequence(let sequence): [[1]] + sequence.items.flatMap(meaning) + [[2]]
        case .mapping(let mapping): [[3]] + mapping.pairs.flatMap { meaning($0.key) + meaning($0.value) } + [[4]]
        }
    }

    @Test("any text is refused or read, and what was read can be written and read again", arguments: 0..<8)
    func damaged(seed: UInt64) throws {
        var random = Random(state: seed &* 0x9E37_79B9_7F4A_7C15 | 1)
        let pieces = [
            "&a ", "*a", "[", "]", "{", "}", ": ", "- ", "? ", "|", ">", "\"", "'", "\n", "  ", "\t", "!", "!!map ",
            "%TAG ! x\n", "---\n", "...\n", "\0", "\u{85}", "é", "\\x", ",", "#", "<<: ", "\u{FEFF}",
        ]
        var limits = YAMLLimits()
        limits.nodes = 2000
        limits.bytes = 1 << 16
        var read = 0
        for _ in 0..<400 {
            var bytes = Array(Self.good.utf8)
            for _ in 0...random.below(6) {
                let place = random.below(bytes.count)
                switch random.below(4) {
                case 0: bytes.removeSubrange(place..<min(bytes.count, place + 1 + random.below(20)))
                case 1: bytes[place] = UInt8(random.below(256))
                case 2: bytes.insert(contentsOf: pieces[random.below(pieces.count)].utf8, at: place)
                default: bytes = Array(bytes.prefix(place + 1))
                }
                if bytes.isEmpty { bytes = [UInt8(ascii: "a")] }
            }
            guard let node = try? YAMLNode.read(String(decoding: bytes, as: UTF8.self), limits: limits) else {
                continue
            }
            read += 1
            // An empty plain text that is all of a document is written as nothing.
            let again = try YAMLNode.read(node.written()) ?? YAMLNode("", style: .plain)
            #expect(meaning(again) == meaning(node), "\(String(decoding: bytes, as: UTF8.self))")
        }
        #expect(read > 0)
    }
}

/// The same numbers for the same seed (xorshift).
private struct Random {
    var state: UInt64

    mutating func below(_ bound: Int) -> Int {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return Int(state % UInt64(bound))
    }
}
