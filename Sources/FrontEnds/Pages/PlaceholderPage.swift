/// What stands where no front end is installed.
enum PlaceholderPage {
    static func bytes(isAdmin: Bool) -> [UInt8] {
        let option = isAdmin ? " --admin" : ""
        let name = isAdmin ? "admin-dist" : "user-dist"
        let page = """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>nezha-gateway</title>
            <style>
            body { font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 4rem auto; padding: 0 1rem; }
            code { background: #8882; padding: .1em .3em; border-radius: .2em; }
            </style>
            </head>
            <body>
            <h1>nezha-gateway</h1>
            <p>It runs, and agents and programs can use it. No front end is installed for this page. To install one:</p>
            <p><code>nezha-gateway frontend add dist.zip --name \(name)\(option)</code></p>
            </body>
            </html>

            """
        return Array(page.utf8)
    }
}
