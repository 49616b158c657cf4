import FuzzSupport
import Testing

@testable import YAML

/// ``YAMLDamageTests`` changes one text; this one begins with whole configuration files.
@Suite("Fuzzing: YAML", .timeLimit(.minutes(10)))
struct YAMLFuzzTests {
    private static let texts = [
        """
        # gateway
        listen_port: 8008
        site_name: "A \\u00e9 \\x41"
        jwt_secret_key: 'it''s'
        https: {listen_port: 8443, tls_cert_path: /x, insecure: false}
        mcp_allowed_hosts: [a.example, "b.example:80"]
        empty:

        """,
        "client_secret: abc\nserver: h:443\ntls: yes\nuuid: 0f8fad5b-d9cb-469f-a165-70867728950e\nreport_delay: 1\n",
        "- &a [1, 2, {x: y}]\n- *a\n- ? complex\n  : |2-\n     literal\n- !!str 1\n- !<tag:x> >+\n  folded\n\n  text\n",
        "---\na: &x {<<: *x}\n...\n", "%YAML 1.1\n---\n\"\\\n a\": ~\n",
        "a: !!binary |\n  AAAA\nb: .inf\nc: 0x1F\nd: 1_000\n",
        "[[[[[[[[{{{{", "a: 'b\n\n c'\n? [k]\n: - v\n  -\n",
    ]

    private static let words = [
        "&a ", "*a", "[", "]", "{", "}", ": ", "- ", "? ", "|", ">", "\"", "'", "\n", "  ", "\t", "!", "!!map ",
        "---\n",
        "...\n", "\0", "\u{85}", "\u{2028}", "\\x", ",", "#", "<<: ", "\u{FEFF}", "%TAG ! x\n", "\r\n", "\\U0010FFFF",
    ]

    private func count(_ node: YAMLNode) -> Int {
        switch node {
        case .scalar: 1
        case .sequence(let sequence): 1 + sequence.items.reduce(0) { $0 + count($1) }
        case .mapping(let mapping): 1 + mapping.pairs.reduce(0) { $0 + count($1.key) + count($1.value) }
        }
    }

    @Test("texts are refused or read within the limits, and writing what was read changes it no more")
    func texts() {
        var fuzzer = Fuzzer(texts: Self.texts, words: Self.words)
        var limits = YAMLLimits()
        limits.nodes = 200
        var read = 0
        let tried = fuzzer.run(6000) { bytes, _ in
            let text = String(decoding: bytes, as: UTF8.self)
            guard let node = try? YAMLNode.read(text, limits: limits) else { return }
            read += 1
            #expect(count(node) <= limits.nodes, "\(bytes)")
            let written: String
            do {
                written = try node.written()
                // An empty plain text that is all of a document is written as nothing.
                guard let again = try YAMLNode.read(written) else { return }
                #expect(try Array(again.written().utf8) == Array(written.utf8), "\(bytes)")
            } catch {
                Issue.record("what was written is not read: \(error) \(bytes)")
            }
        }
        #expect(read > tried / 20, "too few of the inputs are YAML for this to say much")
    }
}
