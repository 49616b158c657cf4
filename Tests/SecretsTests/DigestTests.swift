import Testing

@testable import Secrets

@Suite("Digests")
struct DigestTests {
    @Test(
        "SHA-256 gives the published digests",
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
        ])
    func knownDigests(text: String, digest: String) {
        #expect(SHA256Digest.hex(Array(text.utf8)) == digest)
        #expect(SHA256Digest.hash(Array(text.utf8)) == Hex.decode(digest))
    }

    @Test(
        "SHA-1 gives the published digests",
        arguments: [
            ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
            ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ])
    func knownSHA1(text: String, digest: String) {
        #expect(SHA1Digest.hash(Array(text.utf8)) == Hex.decode(digest))
    }

    @Test("a million letters a, streamed in uneven chunks, give the published digest")
    func streamed() {
        var stream = SHA256Stream()
        var left = 1_000_000
        var size = 1
        while left > 0 {
            let count = min(size, left)
            let chunk = [UInt8](repeating: UInt8(ascii: "a"), count: count)
            switch size % 3 {
            case 0: stream.update(chunk)
            case 1: unsafe chunk.withUnsafeBytes { unsafe stream.update($0) }
            default: stream.update(chunk[...])
            }
            left -= count
            size = size * 2 + 1
        }
        let digest = Hex.encode(stream.finish())
        #expect(digest == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }

    @Test("an empty stream and a buffer give the same as the one-shot form")
    func emptyAndBuffer() {
        let empty = SHA256Stream()
        #expect(empty.finish() == SHA256Digest.hash([UInt8]()))
        let bytes: [UInt8] = [0, 1, 2, 255]
        var stream = SHA256Stream()
        unsafe bytes.withUnsafeBytes { unsafe stream.update($0) }
        #expect(stream.finish() == SHA256Digest.hash(bytes))
    }

    @Test("without OpenSSL the digests are the same", arguments: [0, 1, 63, 64, 65, 10_000])
    func spare(count: Int) {
        let bytes = SecureRandom.bytes(count)
        var stream = SHA256Stream(openSSL: false)
        stream.update(bytes.prefix(count / 2))
        stream.update(bytes.dropFirst(count / 2))
        #expect(stream.finish() == SHA256Digest.hash(bytes))
    }

    @Test("a stream may be dropped unfinished, and moved to another task")
    func movesBetweenTasks() async {
        do {
            var dropped = SHA256Stream()
            dropped.update([1, 2, 3])
        }
        let digest = await Task.detached {
            var stream = SHA256Stream()
            stream.update(Array("a".utf8))
            await Task.yield()
            stream.update(Array("bc".utf8))
            return stream.finish()
        }.value
        #expect(digest == SHA256Digest.hash(Array("abc".utf8)))
    }

    @Test("HMAC-SHA-256 gives the codes of RFC 4231", arguments: HMACVector.rfc4231)
    func hmac(vector: HMACVector) throws {
        let key = try #require(Hex.decode(vector.key))
        let message = try #require(Hex.decode(vector.message))
        #expect(Hex.encode(HMACSHA256.code(key: key, message: message)) == vector.code)
    }
}

struct HMACVector: Sendable {
    let key: String
    let message: String
    let code: String

    /// Test cases 1, 2, 3, 6 (a key longer than a block) and 7 of RFC 4231.
    static let rfc4231 = [
        HMACVector(
            key: String(repeating: "0b", count: 20), message: "4869205468657265",
            code: "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        HMACVector(
            key: "4a656665", message: "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
            code: "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        HMACVector(
            key: String(repeating: "aa", count: 20), message: String(repeating: "dd", count: 50),
            code: "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
        HMACVector(
            key: String(repeating: "aa", count: 131),
            message: Hex.encode("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
            code: "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"),
        HMACVector(
            key: String(repeating: "aa", count: 131),
            message: Hex.encode(
                ("This is a test using a larger than block-size key and a larger than block-size data. "
                    + "The key needs to be hashed before being used by the HMAC algorithm.").utf8),
            code: "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"),
    ]
}
