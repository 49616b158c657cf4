import Secrets
import Testing

@Suite("Secret keys")
struct SecretKeyTests {
    let bytes = (0..<32).map { UInt8($0) }

    @Test("a key has exactly 32 bytes", arguments: [0, 1, 31, 33, 64])
    func length(count: Int) {
        #expect(throws: SecretsError.malformed("a key has 32 bytes")) {
            try SecretKey(bytes: [UInt8](repeating: 1, count: count))
        }
    }

    @Test("the keyed hash is BLAKE2b-256, as other implementations compute it")
    func keyedHash() throws {
        let key = try SecretKey(bytes: bytes)
        #expect(
            key.keyedHash("nzp_0123") == "a5f0d0f356fff5575034088156778104467eaf0453ccaac07c48bb94f13b30b7")
        #expect(key.keyedHash("") == "4e51e7a913fc80137da52880fecca175bf81e117d5c68126dc2774033517ea0d")
    }

    @Test("the MAC is HMAC-SHA-512-256, as other implementations compute it")
    func mac() throws {
        let key = try SecretKey(bytes: bytes)
        let expected = "4f60edea1b52b7728ed9a7a49deeeaf78a12e3fc9e0e5041585061cb5e88ae5c"
        #expect(Hex.encode(key.mac(Array("message".utf8))) == expected)
    }

    /// Stored secrets depend on it: a changed derivation would make every database unreadable.
    @Test("derivation never changes, and tells contexts and masters apart")
    func derivation() {
        let master = [UInt8](repeating: UInt8(ascii: "m"), count: 1024)
        let key = SecretKey(derivedFrom: master, context: "tokens")
        #expect(key.keyedHash("x") == "6ac2d5a1cf4b9ec24ac7b4d49e5da86cc3050512dc595465496711e8394b20f7")
        #expect(SecretKey(derivedFrom: master, context: "seals").keyedHash("x") != key.keyedHash("x"))
        #expect(SecretKey(derivedFrom: master.dropLast(), context: "tokens").keyedHash("x") != key.keyedHash("x"))
    }

    @Test("a box opens to what was sealed, whatever its size", arguments: [0, 1, 15, 16, 17, 32, 4096])
    func roundTrip(count: Int) throws {
        let key = try SecretKey(bytes: bytes)
        let plain = SecureRandom.bytes(count)
        let sealed = key.seal(plain)
        #expect(sealed.count == count + 40)
        #expect(try key.open(sealed) == plain)
        #expect(key.seal(plain) != sealed, "the nonce is new each time")
    }

    @Test("a box made by another implementation opens")
    func foreignBox() throws {
        let box = try #require(
            Hex.decode(
                "404142434445464748494a4b4c4d4e4f5051525354555657a75c641cb5845974f6d4e6d0c0e80df7e09ac4a96335"
                    + "36f70f5f89247d6d4cfe19ae2c3f3237a5e9b1ee732e364102df"))
        let plain = try SecretKey(bytes: bytes).open(box)
        #expect(plain == Array("sealed by another implementation".utf8))
    }

    @Test("a box with any bit flipped, cut short or extended stays closed")
    func tampering() throws {
        let key = try SecretKey(bytes: bytes)
        let sealed = key.seal(Array("the agent secret".utf8))
        for index in sealed.indices {
            for bit in 0..<8 {
                var changed = sealed
                changed[index] ^= 1 << UInt8(bit)
                #expect(throws: SecretsError.cannotOpen) { try key.open(changed) }
            }
        }
        for count in 0..<sealed.count {
            #expect(throws: SecretsError.cannotOpen) { try key.open(Array(sealed.prefix(count))) }
        }
        #expect(throws: SecretsError.cannotOpen) { try key.open(sealed + [0]) }
    }

    @Test("another key does not open a box")
    func otherKey() throws {
        let sealed = try SecretKey(bytes: bytes).seal([1, 2, 3])
        let other = SecretKey(derivedFrom: bytes, context: "other")
        #expect(throws: SecretsError.cannotOpen) { try other.open(sealed) }
    }

    @Test("printing and dumping a key shows nothing of it")
    func hidden() throws {
        let key = try SecretKey(bytes: [UInt8](repeating: 171, count: 32))
        var dumped = ""
        dump(key, to: &dumped)
        for text in ["\(key)", String(reflecting: key), dumped, "\([key])"] {
            #expect(!text.contains("171"))
            #expect(text.contains("hidden"))
        }
    }

    @Test("constant-time comparison agrees with ==")
    func comparison() {
        #expect(constantTimeEquals([], []))
        #expect(constantTimeEquals([1, 2, 3], [1, 2, 3]))
        #expect(!constantTimeEquals([1, 2, 3], [1, 2, 4]))
        #expect(!constantTimeEquals([1, 2, 3], [1, 2]))
        #expect(!constantTimeEquals([], [0]))
    }
}
