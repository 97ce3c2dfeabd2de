using System.Text;
using Criu.Images.Json;

namespace Criu.Images.Tests;

/// <summary>crit's JSON, byte for byte, and the way back.</summary>
public sealed class GoldenJsonTests
{
    public static TheoryData<string> Images => Golden.WithJson();

    [Fact]
    public void They_are_all_here() => Assert.Equal(147, Images.Count);

    [Theory]
    [MemberData(nameof(Images))]
    public void Decoded_it_is_what_crit_prints(string name) =>
        Assert.Equal(Golden.Json(name), Decode(Golden.Image(name), new CritOptions { Pretty = true }) + "\n");

    [Theory]
    [MemberData(nameof(Images))]
    public void Decoded_and_encoded_it_is_the_same_image(string name)
    {
        byte[] image = Golden.Image(name);
        Assert.Equal(image, Encode(Golden.Json(name)));
        Assert.Equal(image, Encode(Decode(image, new CritOptions())));
    }

    [Theory]
    [MemberData(nameof(Images))]
    public void The_summary_counts_its_entries(string name)
    {
        using var json = System.Text.Json.JsonDocument.Parse(Golden.Json(name));
        using var summary = System.Text.Json.JsonDocument.Parse(Info(Golden.Image(name)));
        Assert.Equal(json.RootElement.GetProperty("magic").GetString(), summary.RootElement.GetProperty("magic").GetString());
        Assert.Equal(json.RootElement.GetProperty("entries").GetArrayLength(), summary.RootElement.GetProperty("count").GetInt64());
    }

    [Fact]
    public void Plain_json_is_one_line_of_numbers()
    {
        string json = Decode(Golden.Image("everything/pagemap-shmem-11435.img"), new CritOptions());
        Assert.Equal("""{"magic": "PAGEMAP", "entries": [{"pages_id": 2}, {"vaddr": 0, "compat_nr_pages": 0, "flags": 4, "nr_pages": 1}]}""", json);
    }

    [Fact]
    public void Sizes_can_stand_for_payloads()
    {
        string json = Decode(Golden.Image("everything/pipes-data.img"), new CritOptions { NoPayload = true });
        Assert.Contains("\"extra\": \"... <", json);
        Assert.DoesNotContain("=", json);
    }

    [Fact]
    public void A_file_name_that_is_no_utf8_comes_back()
    {
        byte[] image = Golden.Image("more/not-utf8--files.img");
        string json = Decode(image, new CritOptions { Pretty = true });
        Assert.Contains("\\udc", json);
        Assert.Equal(image, Encode(json));
    }

    internal static string Decode(byte[] image, CritOptions options)
    {
        using var json = new MemoryStream();
        CritJson.Decode(new MemoryStream(image), json, options);
        return Encoding.ASCII.GetString(json.ToArray());
    }

    internal static byte[] Encode(string json)
    {
        using var image = new MemoryStream();
        CritJson.Encode(new MemoryStream(Encoding.UTF8.GetBytes(json)), image);
        return image.ToArray();
    }

    private static string Info(byte[] image)
    {
        using var json = new MemoryStream();
        CritJson.Info(new MemoryStream(image), json);
        return Encoding.ASCII.GetString(json.ToArray());
    }
}
