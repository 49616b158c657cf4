import Testing

@testable import Texts

@Suite("Messages")
struct MessageTests {
    @Test("a literal keeps its format and its arguments apart")
    func apart() {
        let message: Message = "group id \(7) does not exist"
        #expect(message.format == "group id %@ does not exist")
        #expect(message.arguments == ["7"])
        #expect(message.english == "group id 7 does not exist")
    }

    @Test("arguments at either end, side by side, or holding a placeholder are told as they are")
    func edges() {
        let message: Message = "\("a%@b")\(2): \("c")"
        #expect(message.format == "%@%@: %@")
        #expect(message.english == "a%@b2: c")
        #expect(message.text(in: .simplifiedChinese) == "a%@b2: c")
    }

    @Test("a text is told in the language's own words, its arguments as they are")
    func chinese() {
        let message: Message = "group id \(7) does not exist"
        #expect(message.text(in: .simplifiedChinese) == "组 id 7 不存在")
        #expect(message.text(in: .traditionalChinese) == "組 id 7 不存在")
    }

    @Test("a text without a translation is told in English")
    func untranslated() {
        let message: Message = "no language has \(3) words for this"
        for language in Language.allCases { #expect(message.text(in: language) == message.english) }
    }

    @Test("the words of others are never looked up")
    func verbatim() {
        let words = Message(verbatim: "permission denied")
        #expect(words.text(in: .simplifiedChinese) == "permission denied")
    }

    @Test("every translation has the arguments of its key", arguments: Language.allCases)
    func placeholders(_ language: Language) {
        for (key, text) in Translations.table(of: language) {
            #expect(Translations.pieces(of: key).count == Translations.pieces(of: text).count, "\(key)")
            #expect(!text.isEmpty, "\(key)")
        }
    }

    @Test(
        "the setting names a language with a hyphen or an underscore; an unknown one is English",
        arguments: [
            ("zh_CN", Language.simplifiedChinese), ("zh-CN", .simplifiedChinese), ("zh-TW", .traditionalChinese),
            ("en_US", .english), ("de-DE", .german), ("xx_YY", .english), ("", .english), ("zh", .english),
            ("zh_CN_extra", .english),
        ])
    func settings(_ setting: String, _ language: Language) {
        #expect(Language(setting: setting) == language)
    }
}
