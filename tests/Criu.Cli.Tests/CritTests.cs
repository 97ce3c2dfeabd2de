using System.Text;
using System.Text.Json;

namespace Criu.Cli.Tests;

public sealed class CritTests : IDisposable
{
    // A tree of one process, number 7: head magic, magic, an entry of 10 bytes (pid, ppid, pgid, sid, one thread).
    private static readonly byte[] Pstree = Convert.FromHexString("19435654" + "30302750" + "0a000000" + "08071000180720072807");
    private const string Json = """{"magic": "PSTREE", "entries": [{"pid": 7, "ppid": 0, "pgid": 7, "sid": 7, "threads": [7]}]}""";

    private readonly TemporaryDirectory place = new();

    public CritTests() => File.WriteAllBytes(place["pstree.img"], Pstree);

    public void Dispose() => place.Dispose();

    [Fact]
    public void DecodesToStandardOutputWithANewline() => Assert.Equal(new CriuRun(0, Json + "\n", ""), CriuRun.Of("crit", "decode", "-i", place["pstree.img"]));

    [Fact]
    public void DecodesToAFileWithoutOne()
    {
        CriuRun.Of("crit", "decode", "-i", place["pstree.img"], "-o", place["json"]);
        Assert.Equal(Json, File.ReadAllText(place["json"]));
        CriuRun.Of("crit", "decode", "--pretty", "--in", place["pstree.img"], "--out", place["json"]);
        Assert.EndsWith("    ]\n}", File.ReadAllText(place["json"]));
    }

    [Fact]
    public void ReadsStandardInput() => Assert.Equal(Json + "\n", CriuRun.WithInput(Pstree, "crit", "decode").Out);

    [Fact]
    public void EncodesAndReplacesTheImage()
    {
        CriuRun.WithInput(Encoding.UTF8.GetBytes(Json.Replace("\"sid\": 7", "\"sid\": 9")), "crit", "encode", "-o", place["pstree.img"]);
        Assert.Equal(0x09, File.ReadAllBytes(place["pstree.img"])[^3]);
        Assert.Equal([place["pstree.img"]], Directory.GetFiles(place.Path));
    }

    [Fact]
    public void ShowsPrettily()
    {
        var run = CriuRun.Of("crit", "show", place["pstree.img"]);
        Assert.StartsWith("{\n    \"magic\": \"PSTREE\",\n", run.Out);
        Assert.EndsWith("    ]\n}\n", run.Out);
    }

    [Fact]
    public void TellsWhatAnImageIs()
    {
        using var json = JsonDocument.Parse(CriuRun.Of("crit", "info", place["pstree.img"]).Out);
        Assert.Equal(("PSTREE", 1), (json.RootElement.GetProperty("magic").GetString(), json.RootElement.GetProperty("count").GetInt32()));
    }

    [Fact]
    public void LeavesTheOutputAloneWhereTheInputIsBad()
    {
        var run = CriuRun.WithInput("{"u8.ToArray(), "crit", "encode", "-o", place["pstree.img"]);
        Assert.Equal(1, run.Status);
        Assert.Contains("standard input: is no JSON", run.Error);
        Assert.Equal(Pstree, File.ReadAllBytes(place["pstree.img"]));
        Assert.Equal([place["pstree.img"]], Directory.GetFiles(place.Path));
    }

    [Theory]
    [InlineData("crit shw", "crit has no action shw. Is show meant?")]
    [InlineData("crit x ps", "crit x is not supported yet")]
    [InlineData("crit decode -i", "crit decode: an option lacks its value. Try criu crit --help")]
    [InlineData("crit show a b", "crit show: \"b\" is not expected")]
    [InlineData("crit decode -i /nowhere", "The image or text /nowhere cannot be opened: it does not exist")]
    [InlineData("crit decode -o /nowhere/x", "The output /nowhere/x.partial cannot be opened: it does not exist")]
    [InlineData("crit show /proc/self/status", "The image is damaged or none of CRIU's")]
    public void SaysWhatIsWrong(string line, string message)
    {
        var run = CriuRun.Of(line.Split(' '));
        Assert.Equal((1, ""), (run.Status, run.Out));
        Assert.StartsWith("Error (criu): ", run.Error);
        Assert.Contains(message, run.Error);
    }

    [Theory]
    [InlineData("crit --help", "encode")]
    [InlineData("crit decode --help", "criu crit decode [options]")]
    public void Helps(string line, string text)
    {
        var run = CriuRun.Of(line.Split(' '));
        Assert.Equal((0, ""), (run.Status, run.Error));
        Assert.Contains(text, run.Out);
    }
}
