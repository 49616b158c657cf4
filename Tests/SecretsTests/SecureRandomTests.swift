import Secrets
import Testing

@Suite("Random values")
struct SecureRandomTests {
    @Test("bytes have the asked length and do not repeat")
    func bytes() {
        #expect(SecureRandom.bytes(0).isEmpty)
        #expect(SecureRandom.bytes(32).count == 32)
        #expect(SecureRandom.bytes(32) != SecureRandom.bytes(32))
    }

    @Test("alphanumeric text uses all 62 characters about equally often")
    func alphabet() {
        let count = 124_000
        var seen: [Character: Int] = [:]
        for character in SecureRandom.alphanumeric(count) { seen[character, default: 0] += 1 }
        #expect(seen.count == 62)
        #expect(seen.keys.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) })
        // Expected 2000 each, standard deviation about 44.4: eight of them leave chance out of the question, while
        // `byte % 62` would give the first eight characters about 25 % more than the others.
        #expect(seen.values.allSatisfy { abs($0 - 2000) < 360 })
        #expect(SecureRandom.alphanumeric(0).isEmpty)
    }

    @Test("a UUID has version 4 and the RFC's variant")
    func uuid() {
        for _ in 0..<200 {
            let text = Array(SecureRandom.uuid())
            #expect(text.count == 36)
            #expect([8, 13, 18, 23].allSatisfy { text[$0] == "-" })
            #expect(text[14] == "4")
            #expect("89ab".contains(text[19]))
            #expect(String(text) == String(text).lowercased())
        }
        #expect(Set((0..<1000).map { _ in SecureRandom.uuid() }).count == 1000)
    }

    @Test("below stays below")
    func below() {
        #expect(SecureRandom.below(0) == 0)
        #expect(SecureRandom.below(1) == 0)
        let values = Set((0..<1000).map { _ in SecureRandom.below(3) })
        #expect(values == [0, 1, 2])
    }
}
